//! The changes of rows against the state of the tables: random mappings, random transactions.

use cloud_capture::{Mapping, RowError, TableRows};
use proptest::prelude::*;

use crate::{choices::Choices, random_site::RandomSite, site_model::SiteModel, transactions::all};

/// The end of a test case.
#[derive(Debug, PartialEq)]
enum End {
    /// The choices are used up, after so many transactions.
    Completed(usize),
    /// A value that was not sent is needed.
    NeedsFull,
}

/// Returns the state that a bootstrap makes of the tables.
fn stated(site: &RandomSite, rows: &[TableRows<'_>]) -> SiteModel {
    let mut state = SiteModel::default();
    for (map, rows) in site.maps.iter().zip(rows) {
        for row in &site.tables[map.table].rows {
            let change = rows
                .stated(&all(row))
                .expect("every value is known and valid");
            if let Some(change) = change {
                state.apply(change);
            }
        }
    }
    state
}

/// Runs a test case: the changes of every transaction must lead to the state of the tables.
fn run(choices: Vec<u8>) -> End {
    let mut choices = Choices::new(choices);
    let mut site = RandomSite::new(&mut choices);
    let text = site.mapping();
    let mapping = Mapping::parse(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    assert_eq!(mapping.tables.len(), site.maps.len());
    let maps = mapping.tables.iter().zip(&site.maps);
    let rows = maps.map(|(table, map)| {
        let columns = site.tables[map.table].columns.iter().copied();
        TableRows::new(&mapping, table, columns).expect("every column")
    });
    let rows: Vec<_> = rows.collect();
    let mut live = stated(&site, &rows);
    let mut transactions = 0;
    while !choices.is_empty() {
        let operations = site.transaction(&mut choices);
        let shown = format!("{operations:?}");
        for operation in operations {
            match site.execute(operation, &rows) {
                Ok(changes) => changes.into_iter().for_each(|change| live.apply(change)),
                Err(RowError::NeedsFull { .. }) => {
                    let is_full = site.tables.iter().all(|table| table.identity.is_none());
                    assert!(!is_full, "every value is known: {shown}\n{text}");
                    return End::NeedsFull;
                }
                Err(RowError::Invalid(error)) => panic!("{error}: {shown}"),
            }
        }
        transactions += 1;
        let mut state = site.state();
        let mut stated = stated(&site, &rows);
        if !site.has_members {
            // The members are the ends of connections, and stay without them.
            for state in [&mut state, &mut stated, &mut live] {
                state.members.clear();
            }
        }
        assert_eq!(stated, state, "a bootstrap of\n{site:#?}\n{text}");
        assert_eq!(live, state, "transaction {transactions}: {shown}\n{text}");
    }
    End::Completed(transactions)
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2_000)
    })]

    #[test]
    fn changes_of_rows_lead_to_the_state_of_the_tables(
        choices in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        run(choices);
    }
}
