//! The options of `databus capture postgres`, and the modes that need no log.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use cloud_terminal::print;

use crate::{
    catalogue::Catalogue,
    check::{Finding, InitError, Severity, check, init, init_statements},
    command::run::StreamArguments,
    connect::{ConnectError, DEFAULT_PUBLICATION, Database, Session, publication_name},
    mapping::{Mapping, MappingError},
    suggest::{SuggestError, suggest},
};

/// The error of a pooler that does not let the settings of a session through.
const POOLER: &str = "unsupported startup parameter";

/// The form of a mapping, below the options.
const MAPPING_FORM: &str = "\
The form of a mapping:
  seed = \"a text that never changes\"     # only for keys that are no integers
  [members]
  table = \"public.users\"
  id = \"id\"
  where = { status = \"active\", deleted_at = { is_null = true } }
  fields = { display_name = \"name\", place = \"city\", \"attributes.team\" = \"team\" }
  [[profiles]]
  table = \"public.profiles\"
  member = \"user_id\"
  fields = { headline = \"tagline\" }
  [[positions]]
  table = \"public.jobs\"
  id = \"id\"                             # hash_id = true, if it is no integer
  member = \"user_id\"
  fields = { kind = { constant = \"work\" }, organisation = \"company\", from = \"started_on\" }
  [[connections]]
  table = \"public.friendships\"
  member = \"user_id\"
  other = \"friend_id\"
  pair = \"one_row\"                      # or \"both_rows\": a row in each direction
  where = { status = [\"accepted\"] }";

/// The options of `databus capture`.
#[derive(Clone, Debug, clap::Args)]
pub struct CaptureArguments {
    /// The kind of the core database.
    #[command(subcommand)]
    pub source: Source,
}

/// The core databases that can be captured.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Source {
    /// Captures from PostgreSQL 14 or newer by logical replication.
    ///
    /// Begin with --suggest, which writes a first mapping, edit it, and let --check say what the
    /// database lacks. The password is read from ~/.pgpass, the file that PGPASSFILE names, or
    /// PGPASSWORD.
    Postgres(Box<PostgresArguments>),
}

/// The options of `databus capture postgres`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    group = clap::ArgGroup::new("mode").multiple(false),
    after_long_help = MAPPING_FORM
)]
pub struct PostgresArguments {
    /// The database, as postgres://USER@HOST:PORT/DATABASE. It must not hold a password.
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// The mapping: which tables and columns are members, profiles, positions and connections.
    #[arg(long, value_name = "FILE", required_unless_present = "suggest")]
    pub mapping: Option<PathBuf>,
    /// The publication of which the changes are streamed.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_PUBLICATION,
          value_parser = publication_name)]
    pub publication: String,
    /// Write a first mapping from the database's tables: to the file that --mapping names, which
    /// must not exist, else to stdout.
    #[arg(long, group = "mode")]
    pub suggest: bool,
    /// Print what the database lacks for the mapping, and the SQL that adds it. Exits with 1 if
    /// capture would be refused.
    #[arg(long, group = "mode")]
    pub check: bool,
    /// Create the publication and set the replica identities that are missing, print each
    /// statement, then check.
    #[arg(long, group = "mode")]
    pub init: bool,
    /// The options of the stream.
    #[command(flatten)]
    pub stream: StreamArguments,
}

/// The action of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Writes a first mapping.
    Suggest,
    /// Prints what the database lacks.
    Check,
    /// Adds the publication and the replica identities.
    Init,
    /// Streams changes.
    Run,
}

/// Why a mode that needs no log failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The database cannot be reached or read.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A pooler stands before the database.
    #[error(
        "{0}: this is a connection pooler, which sends no changes. Connect to the database itself, \
         whose port is mostly 5432"
    )]
    Pooler(ConnectError),
    /// The mapping is rejected.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// No mapping was suggested.
    #[error(transparent)]
    Suggest(#[from] SuggestError),
    /// A statement failed.
    #[error(transparent)]
    Init(#[from] InitError),
    /// The suggested mapping cannot be written.
    #[error("cannot write the mapping {path}: {error}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error.
        error: io::Error,
    },
    /// Stdout cannot be written.
    #[error("cannot print: {0}")]
    Print(io::Error),
    /// The option that a mode needs is missing.
    #[error("--mapping FILE is missing")]
    NoMapping,
    /// The check found something without which capture does not work.
    #[error("capture is refused: {0} findings above must be mended first")]
    Refused(usize),
}

impl PostgresArguments {
    /// Returns the action.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match (self.suggest, self.check, self.init) {
            (true, ..) => Mode::Suggest,
            (_, true, _) => Mode::Check,
            (.., true) => Mode::Init,
            _ => Mode::Run,
        }
    }

    /// Suggests a mapping, and writes it to the mapping's file or to stdout.
    ///
    /// # Errors
    /// If the database cannot be read, no table looks like one of members, or the file exists.
    pub async fn suggest(&self) -> Result<(), CommandError> {
        let (database, session) = self.connect().await?;
        let catalogue = Catalogue::read(&database, &session, &self.publication, None).await?;
        let text = suggest(&session, &catalogue).await?;
        match &self.mapping {
            Some(path) => {
                let failed = |error| CommandError::Write {
                    path: path.clone(),
                    error,
                };
                let mut file = File::create_new(path).map_err(failed)?;
                file.write_all(text.as_bytes()).map_err(failed)?;
                show(format_args!(
                    "{}: written; check each line\n",
                    path.display()
                ))
            }
            None => show(format_args!("{text}")),
        }
    }

    /// Prints what the database lacks.
    ///
    /// # Errors
    /// If capture would be refused, the database cannot be read, or the mapping is rejected.
    pub async fn check(&self) -> Result<(), CommandError> {
        let mapping = Mapping::read(self.mapping()?)?;
        let (database, session) = self.connect().await?;
        self.print_findings(&mapping, &database, &session).await
    }

    /// Runs the statements that are missing, printing each, and then prints what else is.
    ///
    /// # Errors
    /// If a statement fails, and as [`check`](Self::check).
    pub async fn init(&self) -> Result<(), CommandError> {
        let mapping = Mapping::read(self.mapping()?)?;
        let (database, session) = self.connect().await?;
        let publication = &self.publication;
        let catalogue = Catalogue::read(&database, &session, publication, Some(&mapping)).await?;
        let statements = init_statements(&mapping, &catalogue);
        if statements.is_empty() {
            show(format_args!(
                "publication and replica identities are complete\n"
            ))?;
        }
        let mut printed = Ok(());
        let print_statement = |statement: &str| {
            if printed.is_ok() {
                printed = show(format_args!("{statement};\n"));
            }
        };
        init(&session, &statements, print_statement).await?;
        printed?;
        self.print_findings(&mapping, &database, &session).await
    }

    async fn print_findings(
        &self,
        mapping: &Mapping,
        database: &Database,
        session: &Session,
    ) -> Result<(), CommandError> {
        let publication = &self.publication;
        let catalogue = Catalogue::read(database, session, publication, Some(mapping)).await?;
        let findings = check(mapping, &catalogue);
        for finding in &findings {
            show(format_args!("{finding}\n"))?;
        }
        let is_refusal = |finding: &&Finding| finding.severity == Severity::Refused;
        match findings.iter().filter(is_refusal).count() {
            0 => show(format_args!(
                "ready: tables mapped: {}, warnings: {}\n",
                mapping.table_names().len(),
                findings.len()
            )),
            count => Err(CommandError::Refused(count)),
        }
    }

    async fn connect(&self) -> Result<(Database, Session), CommandError> {
        let database = Database::at(&self.url)?;
        let session = database.connect().await.map_err(|error| match error {
            ConnectError::Refused {
                error: ref text, ..
            } if text.contains(POOLER) => CommandError::Pooler(error),
            error => error.into(),
        })?;
        Ok((database, session))
    }

    pub(super) fn mapping(&self) -> Result<&Path, CommandError> {
        self.mapping.as_deref().ok_or(CommandError::NoMapping)
    }
}

/// Prints to stdout. A reader that is gone has read enough.
fn show(text: std::fmt::Arguments<'_>) -> Result<(), CommandError> {
    print(text).map_err(CommandError::Print)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_the_help_is_a_mapping() {
        let (_, form) = MAPPING_FORM
            .split_once('\n')
            .expect("a line before the form");
        let mapping = Mapping::parse(form).expect("a mapping");
        assert_eq!(mapping.tables.len(), 4);
    }
}
