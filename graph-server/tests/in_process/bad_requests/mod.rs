//! Every call and every field: the request, and the code and details of the answer.
//!
//! The rows are data, with a file for each service. The descriptors that the server itself reflects
//! show which rows are missing: [`every_method_and_every_field_has_a_row`] fails for each method,
//! and each field of a request, without a row.

mod admin;
mod errors_page;
mod every_method;
mod network;
mod page;
mod people;
mod publish;
mod raw;
mod row;
mod subscribe;

use crate::small_site::SmallSite;
use cloud_proto::FILE_DESCRIPTOR_SET;
use graph_server::Limits;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use raw::Wire;
use row::Row;
use std::collections::{BTreeMap, BTreeSet};

/// Returns limits under which a read does not wait long for a point that never comes.
fn limits() -> Limits {
    Limits {
        wait_ms_max: 20,
        ..Limits::default()
    }
}

async fn rows(wire: &Wire, log_id: &str) -> Vec<Row> {
    let mut rows = network::rows(wire, log_id).await;
    rows.extend(people::rows(wire, log_id).await);
    rows.extend(subscribe::rows());
    // These rows come before anything is published.
    rows.extend(admin::rows(log_id));
    rows.extend(publish::rows());
    rows
}

/// Returns each method's full name, with the fields of its request.
fn methods() -> BTreeMap<String, BTreeSet<String>> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
    let messages: BTreeMap<String, BTreeSet<String>> = files
        .iter()
        .flat_map(|file| {
            file.message_type.iter().map(|message| {
                let fields = message.field.iter().map(|field| field.name().to_owned());
                (
                    format!(".{}.{}", file.package(), message.name()),
                    fields.collect(),
                )
            })
        })
        .collect();
    let mut methods = BTreeMap::new();
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                methods.insert(name, messages[method.input_type()].clone());
            }
        }
    }
    methods
}

#[tokio::test]
async fn every_row_is_answered_as_it_says() {
    let site = SmallSite::start(limits()).await;
    let wire = Wire::connect(&site).await;
    let log_id = site.log.log_status().await.unwrap().head.unwrap().log_id;
    let rows = rows(&wire, &log_id).await;
    let mut wrong = Vec::new();
    for row in &rows {
        wrong.extend(row.check(&wire).await.err());
    }
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    println!("{} rows", rows.len());
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn every_method_and_every_field_has_a_row() {
    let site = SmallSite::start(limits()).await;
    let wire = Wire::connect(&site).await;
    let log_id = site.log.log_status().await.unwrap().head.unwrap().log_id;
    let mut about: BTreeMap<String, BTreeSet<String>> = methods()
        .into_keys()
        .map(|method| (method, BTreeSet::new()))
        .collect();
    for row in rows(&wire, &log_id).await {
        let fields = about
            .get_mut(row.call)
            .unwrap_or_else(|| panic!("{} is no method", row.call));
        let name = row.about.split(['.', '[']).next().unwrap_or_default();
        fields.insert(name.to_owned());
    }
    for (method, fields) in methods() {
        let missing: Vec<_> = fields.difference(&about[&method]).collect();
        assert!(missing.is_empty(), "{method} has no row about {missing:?}");
        assert!(
            fields.is_empty() || !about[&method].is_empty(),
            "{method} has no row"
        );
    }
    site.running.shutdown().await.unwrap();
}
