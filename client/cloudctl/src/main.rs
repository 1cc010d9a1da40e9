//! `cloudctl`: queries a graph server and publishes changes from a shell.
//!
//! It prints tables for people, or one JSON object for scripts. The exit code tells success and the
//! kinds of failure apart.

mod answer;
mod arguments;
mod backup;
mod change_connection;
mod connections;
mod degree;
mod degrees;
mod exit;
mod names;
mod network;
mod paging;
mod paths;
mod profile;
mod publish;
mod search;
mod servers;
mod session;
mod shared;
mod sizes;
mod snapshot;
mod status;
mod subgraph;
mod suggest;
mod table;
mod watch;

use answer::Answer;
use arguments::{Arguments, Command};
use exit::Failed;
use servers::Servers;
use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = cloud_terminal::parse::<Arguments>();
    let json = arguments.json;
    let outcome = run(arguments)
        .await
        .and_then(|answer| Ok(answer.print(json)?));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => failed.report(json),
    }
}

async fn run(arguments: Arguments) -> Result<Answer, Failed> {
    let servers = Servers::new(&arguments);
    match arguments.command {
        Command::Degrees(question) => degrees::ask(&servers, question).await,
        Command::Sizes(question) => sizes::ask(&servers, question).await,
        Command::Connections(question) => connections::ask(&servers, question).await,
        Command::Shared(question) => shared::ask(&servers, question).await,
        Command::Network(question) => network::ask(&servers, question).await,
        Command::Subgraph(question) => subgraph::ask(&servers, question).await,
        Command::Paths(question) => paths::ask(&servers, question).await,
        Command::Suggest(question) => suggest::ask(&servers, question).await,
        Command::Session(session) => session::change(&servers, session).await,
        Command::Search(question) => search::ask(&servers, question).await,
        Command::Profile(question) => profile::ask(&servers, question).await,
        Command::Connect(pair) => change_connection::connect(&servers, pair).await,
        Command::Disconnect(pair) => change_connection::disconnect(&servers, pair).await,
        Command::Publish(input) => publish::publish(&servers, input).await,
        Command::Watch(watch) => watch::follow(&servers, watch, arguments.json).await,
        Command::Status => status::ask(&servers).await,
        Command::Snapshot => snapshot::take(&servers).await,
        Command::Backup(target) => backup::take(&servers, target).await,
    }
}
