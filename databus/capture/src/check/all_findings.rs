//! All findings of a mapping.

use crate::{
    catalogue::Catalogue,
    check::{
        finding::Finding, of_identity::of_identity, of_publication::of_publication,
        of_server::of_server, of_table::of_tables,
    },
    mapping::Mapping,
};

/// Returns what the database lacks for a mapping, refusals first. The catalogue must have been read
/// with this mapping.
#[must_use]
pub fn check(mapping: &Mapping, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = of_server(catalogue);
    findings.extend(of_tables(mapping, catalogue));
    findings.extend(of_identity(mapping, catalogue));
    findings.extend(of_publication(mapping, catalogue));
    findings.sort_by_key(|finding| finding.severity);
    findings
}
