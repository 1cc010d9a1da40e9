//! A demonstration for a site that has only a database: PostgreSQL with the tables of a community,
//! an application that writes to them, and one command that serves the community's graph.
//!
//! `make demo-site` runs it. Everything is deleted at the end.

/// Prints a line to stdout, in a function that returns a `Result`.
macro_rules! say {
    ($($text:tt)*) => {
        cloud_terminal::print(format_args!("{}\n", format_args!($($text)*)))?
    };
}

mod community;
mod page;
mod writer;

use std::{
    error::Error,
    fs,
    path::Path,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use clap::Parser;
use cloud_terminal::{has_reader, note, parse};
use cloud_tests::{binaries::binary, postgres::Postgres, server::Server};
use tokio::signal::unix::{SignalKind, signal};

use crate::writer::Writer;

/// Shows a community's database, served by one command.
#[derive(Parser)]
struct Arguments {
    /// Members of the community.
    #[arg(long, default_value_t = 20_000)]
    members: u32,
    /// Transactions of the application in a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// End after one round instead of serving on.
    #[arg(long)]
    once: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("demo-site: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let postgres = Postgres::start().await;
    let postgres = postgres.ok_or("PostgreSQL is missing: run `sudo tests/postgres-installed`")?;
    let folder = tempfile::tempdir()?;
    heading(&format!(
        "A community of {} members, in PostgreSQL {}",
        arguments.members,
        postgres.version().await / 10_000
    ))?;
    postgres.execute(community::SCHEMA).await;
    postgres.execute(&community::rows(arguments.members)).await;
    say!(
        "users, experiences, friendships, posts: at {}",
        postgres.address()
    );
    let writer = Writer::start(&postgres.address(), arguments.members, arguments.rate);

    heading("A first mapping of its tables: `databus capture postgres --suggest`")?;
    let mapping = folder.path().join("mapping.toml");
    capture(&postgres, &mapping, "--suggest")?;
    say!("{}", without_comments(&fs::read_to_string(&mapping)?));

    heading("What the database lacks is added: `databus capture postgres --init`")?;
    say!("{}", capture(&postgres, &mapping, "--init")?.trim_end());

    heading("One command: `graph-server serve --core-database URL --mapping FILE --data DIR`")?;
    let begun = Instant::now();
    let server = Server::try_start_with_database(&postgres.address(), folder.path(), &[])?;
    say!(
        "the site is built, and served at {} after {:.1} s; the application writes meanwhile",
        server.public(),
        begun.elapsed().as_secs_f64()
    );

    page::show(&postgres, &server).await?;
    page::show_lag(&postgres, &server, Duration::from_secs(5)).await?;
    say!(
        "the application committed {} transactions so far",
        writer.committed()
    );

    if !arguments.once && has_reader() {
        heading("Serving until Ctrl-C")?;
        say!("psql {}", postgres.address());
        say!(
            "cloudctl --server {} degrees --viewer 1 2 3 4",
            server.public()
        );
        say!("cloudctl --admin {} status", server.admin());
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
    }
    writer.stop().await?;
    match server.terminate() {
        status if status.success() => Ok(()),
        status => Err(format!("the server ended with {status}").into()),
    }
}

/// Runs a mode of capture that needs no log, and returns what it prints.
fn capture(postgres: &Postgres, mapping: &Path, mode: &str) -> Result<String, Box<dyn Error>> {
    let output = Command::new(binary("databus"))
        .args(["capture", "postgres", "--url", &postgres.address(), mode])
        .arg("--mapping")
        .arg(mapping)
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?),
        false => Err(String::from_utf8_lossy(&output.stderr).into()),
    }
}

/// Returns the lines that are not comments.
fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

fn heading(text: &str) -> Result<(), Box<dyn Error>> {
    say!("\n== {text}");
    Ok(())
}
