//! Everything that is read from the database before a mapping is checked or suggested.

use std::collections::BTreeMap;

use crate::{
    catalogue::{
        duplicates::Duplicates,
        one_sided::OneSided,
        publication::Publication,
        read_tables::read_tables,
        server::Server,
        table::{Table, TableType},
    },
    connect::{ConnectError, Database, Session},
    mapping::{Mapping, TableMap, TableName},
};

/// The state of a core database at one moment.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The server, and the user of the session.
    pub server: Server,
    /// The tables outside the schemas of the system, by name.
    pub tables: BTreeMap<TableName, Table>,
    /// The name of the publication that capture streams.
    pub publication_name: String,
    /// The publication; `None` if there is none of this name.
    pub publication: Option<Publication>,
    /// The mapped tables whose rows no constraint keeps apart, in the order of the mapping.
    pub duplicates: Vec<Duplicates>,
    /// The mapped tables of pairs that should have two rows each, in the order of the mapping.
    pub one_sided: Vec<OneSided>,
}

impl Catalogue {
    /// Reads the catalogue. With a mapping, it also counts duplicates in the mapped tables that
    /// have no constraint against them: this reads those tables as a whole.
    ///
    /// # Errors
    /// If a query fails.
    pub async fn read(
        database: &Database,
        session: &Session,
        publication: &str,
        mapping: Option<&Mapping>,
    ) -> Result<Self, ConnectError> {
        Self::read_counting(database, session, publication, mapping, |_| true).await
    }

    /// Reads the catalogue like [`read`](Self::read), and counts duplicates only where `counts`
    /// says so.
    ///
    /// # Errors
    /// If a query fails.
    pub async fn read_counting(
        database: &Database,
        session: &Session,
        publication: &str,
        mapping: Option<&Mapping>,
        counts: impl Fn(&TableMap) -> bool,
    ) -> Result<Self, ConnectError> {
        let server = Server::read(database, session).await?;
        let tables = read_tables(session, publication).await?;
        let mut catalogue = Self {
            publication: Publication::read(session, server.version, publication).await?,
            publication_name: publication.to_owned(),
            server,
            tables,
            duplicates: Vec::new(),
            one_sided: Vec::new(),
        };
        for map in mapping.iter().flat_map(|mapping| &mapping.tables) {
            let table = catalogue.tables.get(&map.table);
            // The rows of a foreign partition are in another database.
            let is_here = |leaf: &TableName| {
                let leaf = catalogue.tables.get(leaf);
                leaf.is_none_or(|leaf| leaf.table_type != TableType::Foreign)
            };
            let is_readable =
                |table: &&Table| table.is_readable(map) && table.leaves.iter().all(is_here);
            let Some(table) = table.filter(is_readable) else {
                continue;
            };
            if counts(map) && !Duplicates::are_impossible(map, table) {
                catalogue
                    .duplicates
                    .push(Duplicates::count(session, map, table).await?);
            }
            catalogue
                .one_sided
                .extend(OneSided::sample(session, map).await?);
        }
        Ok(catalogue)
    }
}
