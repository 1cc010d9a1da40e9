//! A demonstration of The Cloud: generates a synthetic site, serves it, and sends the requests of a
//! web application.
//!
//! `questions.rs` is also an example of the client. `make demo` runs it. To run it by hand: `demo
//! --loader target/release/loader --server target/release/graph-server --dir scratch [--once]`.

/// Prints a line to stdout, in a function that returns a `Result`.
macro_rules! say {
    ($($text:tt)*) => {
        cloud_terminal::print(format_args!("{}\n", format_args!($($text)*)))?
    };
}

mod people;
mod questions;
mod server;

use clap::Parser;
use cloud_client::{Admin, Client};
use cloud_terminal::{has_reader, note, parse};
use questions::{candidates, questions};
use server::Server;
use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};
use tokio::signal::unix::{SignalKind, signal};

/// Generates a synthetic site, serves it, and sends the requests of a web application.
#[derive(Parser)]
struct Arguments {
    /// The loader's binary.
    #[arg(long)]
    loader: PathBuf,
    /// The server's binary.
    #[arg(long)]
    server: PathBuf,
    /// A scratch folder; an existing site in it is deleted first.
    #[arg(long)]
    dir: PathBuf,
    /// Members of the site.
    #[arg(long, default_value_t = 200_000)]
    members: u32,
    /// Mean number of connections of a member.
    #[arg(long, default_value_t = 25)]
    mean_connections: u32,
    /// Address of the server's public listener, which answers reads.
    #[arg(long, default_value = "127.0.0.1:50051")]
    listen: String,
    /// Address of the server's admin listener, which accepts changes.
    #[arg(long, default_value = "127.0.0.1:50052")]
    admin_listen: String,
    /// End after the requests instead of serving on.
    #[arg(long)]
    once: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(format_args!("demo: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let dump = arguments.dir.join("dump");
    let site = arguments.dir.join("site");
    let log = arguments.dir.join("log");
    for folder in [&dump, &site, &log] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
    }
    fs::create_dir_all(&arguments.dir)?;

    heading(&format!(
        "A synthetic site of {} members",
        arguments.members
    ))?;
    load(&arguments, &dump, &site)?;

    heading("The server starts")?;
    let (server, public, admin) = Server::start(&arguments, &site, &log)?;
    questions(
        &Client::connect(public.as_str()).await?,
        &Admin::connect(admin).await?,
        &dump,
    )
    .await?;

    if !arguments.once && has_reader() {
        heading(&format!("Serving on {public} until Ctrl-C"))?;
        say!(
            "Try: cloudctl --server {public} search --viewer {} title:engineer",
            candidates(&dump)?[0]
        );
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
    }
    // Runs in parallel to the connections, which have to learn that the server stops.
    let stopped =
        tokio::task::spawn_blocking(move || server.stop().map_err(|error| error.to_string()));
    Ok(stopped.await??)
}

/// Generates a dump and builds a snapshot of it, with the loader.
fn load(arguments: &Arguments, dump: &Path, site: &Path) -> Result<(), Box<dyn Error>> {
    let members = arguments.members.to_string();
    let mean = arguments.mean_connections.to_string();
    let mut generate = Command::new(&arguments.loader);
    generate.args(["generate", "--seed", "42", "--members", &members]);
    generate
        .args(["--mean-connections", &mean])
        .arg("--out")
        .arg(dump);
    succeed("dump written", &mut generate)?;
    let mut build = Command::new(&arguments.loader);
    build.arg("build").arg("--out").arg(site);
    for file in ["members", "positions", "connections"] {
        build
            .arg(format!("--{file}"))
            .arg(dump.join(format!("{file}.csv")));
    }
    succeed("snapshot built", &mut build)
}

/// Runs a command. Its stdout is discarded: it has more detail than a demonstration needs.
fn succeed(what: &str, command: &mut Command) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let program = command.get_program().to_owned();
    let status = command.stdout(Stdio::null()).status();
    let status = status.map_err(|error| format!("{}: {error}", program.display()))?;
    if !status.success() {
        return Err(format!("{} ended with {status}", program.display()).into());
    }
    say!("{what} in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

fn heading(text: &str) -> io::Result<()> {
    say!("\n=== {text}");
    Ok(())
}
