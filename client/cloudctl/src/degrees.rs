//! `cloudctl degrees`.

use crate::{
    answer::{Answer, as_of_json, as_of_line},
    arguments::Degrees,
    degree,
    exit::Failed,
    names::Names,
    servers::Servers,
    table::Table,
};
use cloud_client::{Degree, DegreesOptions, proto::cloud::v1::MemberDegree};
use serde_json::json;

const SAMPLE: u32 = 3;

pub(crate) async fn ask(servers: &Servers, question: Degrees) -> Result<Answer, Failed> {
    let client = servers.viewer(question.viewer).await?;
    let Degrees {
        viewer,
        members,
        shared,
        path,
    } = question;
    let options = DegreesOptions {
        shared_count: shared,
        shared_sample: if shared { SAMPLE } else { 0 },
        path,
    };
    let answer = client.degrees(viewer, &members, options).await?;
    let named = answer.degrees.iter().flat_map(|member| {
        let others = member.shared_ids.iter().chain(&member.path);
        std::iter::once(member.member_id).chain(others.copied())
    });
    let names = Names::of(&client, named).await?;
    let mut headings = vec!["member", "degree", "name", "headline"];
    headings.extend(shared.then_some("shared"));
    headings.extend(path.then_some("through"));
    let mut rows = Table::new(&headings);
    for member in &answer.degrees {
        let mut row = vec![
            member.member_id.to_string(),
            degree::for_people(member.degree()).to_owned(),
            names.name(member.member_id).to_owned(),
            names.headline(member.member_id).to_owned(),
        ];
        if shared {
            let sample: Vec<_> = member
                .shared_ids
                .iter()
                .map(|&id| names.name_or_id(id))
                .collect();
            let count = member
                .shared_count
                .map(|count| count.to_string())
                .unwrap_or_default();
            let more = if member.shared_count > Some(SAMPLE) {
                ", …"
            } else {
                ""
            };
            row.push(if sample.is_empty() {
                count
            } else {
                format!("{count}: {}{more}", sample.join(", "))
            });
        }
        if path {
            let steps: Vec<_> = member.path.iter().map(|&id| names.name_or_id(id)).collect();
            row.push(steps.join(" → "));
        }
        rows.add_row(row);
    }
    let degrees: Vec<_> = answer
        .degrees
        .iter()
        .map(|member| {
            let mut line = json!({
                "member_id": member.member_id,
                "degree": degree::for_scripts(member.degree()),
                "name": names.name(member.member_id),
                "headline": names.headline(member.member_id),
            });
            if shared {
                line["shared_count"] = json!(member.shared_count);
                line["shared_ids"] = json!(member.shared_ids);
            }
            if path {
                line["path"] = json!(member.path);
            }
            line
        })
        .collect();
    let as_of = answer.as_of.as_ref();
    let exists = |member: &MemberDegree| member.degree() != Degree::Unknown;
    let exists = answer.degrees.iter().any(exists);
    let answer = Answer {
        text: format!("{rows}\n{}", as_of_line(as_of)),
        json: json!({ "as_of": as_of_json(as_of), "viewer_id": viewer, "degrees": degrees }),
    };
    answer.if_any(exists)
}
