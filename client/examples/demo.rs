//! The Cloud in one go: makes a synthetic site, serves it, and asks what a web application asks.
//!
//! From [`questions`] on this is also an example of the client. `make demo` runs it; by hand it is
//! `demo --loader target/release/loader --server target/release/graph-server --dir scratch [--once]`.

use clap::Parser;
use cloud_client::proto::cloud::v1::{MemberDegree, SearchHit};
use cloud_client::{
    Admin, Client, Degree, DegreesOptions, Error, Page, SearchOptions, Window, connection_added,
};
use std::{
    collections::BTreeMap,
    error::Error as StdError,
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::Instant,
};
use tokio::signal::unix::{SignalKind, signal};

/// Makes a synthetic site, serves it, and asks what a web application asks.
#[derive(Parser)]
struct Arguments {
    /// The loader's binary.
    #[arg(long)]
    loader: PathBuf,
    /// The server's binary.
    #[arg(long)]
    server: PathBuf,
    /// A scratch folder; the site in it is made anew.
    #[arg(long)]
    dir: PathBuf,
    /// How many members the site has.
    #[arg(long, default_value_t = 200_000)]
    members: u32,
    /// How many connections a member has in the mean.
    #[arg(long, default_value_t = 25)]
    mean_connections: u32,
    /// Where the server answers reads.
    #[arg(long, default_value = "127.0.0.1:50051")]
    listen: String,
    /// Where the server takes changes.
    #[arg(long, default_value = "127.0.0.1:50052")]
    admin_listen: String,
    /// End after the questions instead of serving on.
    #[arg(long)]
    once: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn StdError>> {
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
    ));
    load(&arguments, &dump, &site)?;

    heading("The server starts");
    let (server, public, admin) = Server::start(&arguments, &site, &log)?;
    questions(
        &Client::connect(public.as_str()).await?,
        &Admin::connect(admin).await?,
        &dump,
    )
    .await?;

    if !arguments.once {
        heading(&format!("Serving on {public} until Ctrl-C"));
        println!(
            "Try: cloudctl --server {public} search --viewer {} title:engineer",
            candidates(&dump)?[0]
        );
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
        }
    }
    // Beside the connections, which have to hear that the server ends.
    let stopped =
        tokio::task::spawn_blocking(move || server.stop().map_err(|error| error.to_string()));
    Ok(stopped.await??)
}

/// A dump and a snapshot of it, by the loader.
fn load(arguments: &Arguments, dump: &Path, site: &Path) -> Result<(), Box<dyn StdError>> {
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

/// Runs a command; what it says on stdout is more than a demo wants to know.
fn succeed(what: &str, command: &mut Command) -> Result<(), Box<dyn StdError>> {
    let begun = Instant::now();
    let program = command.get_program().to_owned();
    let status = command.stdout(Stdio::null()).status();
    let status = status.map_err(|error| format!("{}: {error}", program.display()))?;
    if !status.success() {
        return Err(format!("{} ended with {status}", program.display()).into());
    }
    println!("{what} in {:.1} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// The server's process; killed when it was not stopped.
struct Server(Child);

impl Server {
    /// Starts it and waits until it says where it listens.
    fn start(
        arguments: &Arguments,
        site: &Path,
        log: &Path,
    ) -> Result<(Self, String, String), Box<dyn StdError>> {
        let begun = Instant::now();
        let child = Command::new(&arguments.server)
            .arg("serve")
            .arg("--snapshot")
            .arg(site)
            .arg("--databus")
            .arg(format!("embedded:{}", log.display()))
            .args([
                "--listen",
                &arguments.listen,
                "--admin-listen",
                &arguments.admin_listen,
            ])
            .stdout(Stdio::piped())
            .spawn();
        let mut server =
            Self(child.map_err(|error| format!("{}: {error}", arguments.server.display()))?);
        let stdout = server.0.stdout.take().ok_or("the server has no stdout")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let words: BTreeMap<_, _> = line
                .split(' ')
                .filter_map(|word| word.split_once('='))
                .collect();
            if let (Some(public), Some(admin)) = (words.get("public"), words.get("admin")) {
                println!("ready after {} ms", begun.elapsed().as_millis());
                return Ok((server, (*public).to_owned(), (*admin).to_owned()));
            }
        }
        Err("the server ended before it listened; what it said stands above".into())
    }

    /// Asks it to end, and waits: it writes down what changed since the snapshot.
    fn stop(mut self) -> Result<(), Box<dyn StdError>> {
        // Ctrl-C in a terminal went to the server too: then it may be gone already.
        let _ = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .stderr(Stdio::null())
            .status()?;
        let status = self.0.wait()?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the server ended with {status}").into())
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a web application asks, and how a change is seen a moment later.
async fn questions(client: &Client, admin: &Admin, dump: &Path) -> Result<(), Box<dyn StdError>> {
    let viewer = choose_viewer(client, dump).await?;
    let people = People::of(client, [viewer]).await?;
    heading(&format!("You are {}", people.introduce(viewer)));

    heading("How large is your network?");
    let begun = Instant::now();
    let sizes = client.network_sizes(viewer, true).await?;
    println!(
        "1st degree {:>8}\n2nd degree {:>8}",
        sizes.first, sizes.second
    );
    println!("3rd degree {:>8}", sizes.third.unwrap_or_default());
    println!("({:.1} ms)", milliseconds(begun));

    heading(
        "How close are the members on this page, whom do you share, and through whom do you know them?",
    );
    let page = members_at_each_degree(client, viewer).await?;
    print_degrees(client, viewer, &page).await?;

    heading("Engineers in your network, nearest first");
    let options = SearchOptions {
        degrees: vec![Degree::First, Degree::Second, Degree::Third],
        page: Page {
            size: 8,
            ..Page::default()
        },
    };
    let begun = Instant::now();
    let found = client.search(viewer, "title:engineer", options).await?;
    let took = milliseconds(begun);
    let people = People::of(client, found.hits.iter().map(|hit| hit.member_id)).await?;
    for hit in &found.hits {
        println!(
            "{:>4}  {}",
            words(hit.degree()),
            people.introduce(hit.member_id)
        );
    }
    println!("({} in all, {took:.1} ms)", found.total);

    heading("You connect with somebody out of your network");
    let Some(stranger) = first_hit(client, viewer, Degree::OutOfNetwork)
        .await?
        .or(first_hit(client, viewer, Degree::Third).await?)
    else {
        println!("There is nobody further away than 2nd degree.");
        return Ok(());
    };
    let friends = client.connections(
        stranger,
        cloud_client::ConnectionOrder::Recent,
        Page {
            size: 3,
            ..Page::default()
        },
    );
    let friends: Vec<_> = friends
        .await?
        .connections
        .iter()
        .map(|connection| connection.member_id)
        .collect();
    let page: Vec<_> = std::iter::once(stranger).chain(friends).collect();
    println!("before:");
    print_degrees(client, viewer, &page).await?;
    let begun = Instant::now();
    let published = admin
        .publish(Window::of([connection_added(viewer, stranger)]))
        .await?;
    // A read that carries the answer's as_of never sees less than the change.
    let after = client.at_least(published.as_of.clone());
    let seen = after
        .degrees(viewer, &[stranger], DegreesOptions::default())
        .await?;
    let took = milliseconds(begun);
    println!(
        "published as SCN {}; seen as {} after {took:.1} ms. After:",
        published.as_of.scn,
        degree_of(&seen.degrees)
    );
    print_degrees(&after, viewer, &page).await?;
    Ok(())
}

/// Of the first members in the dump, the one whose number of connections is nearest to what people have.
async fn choose_viewer(client: &Client, dump: &Path) -> Result<u64, Box<dyn StdError>> {
    const TYPICAL: u64 = 40;
    let mut nearest = None;
    for member in candidates(dump)? {
        let first = client.network_sizes(member, false).await?.first;
        let distance = first.abs_diff(TYPICAL);
        if nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, member));
        }
    }
    Ok(nearest.ok_or("the dump has no members")?.1)
}

fn candidates(dump: &Path) -> Result<Vec<u64>, Box<dyn StdError>> {
    let rows = BufReader::new(File::open(dump.join("connections.csv"))?)
        .lines()
        .skip(1)
        .take(100);
    let member = |row: std::io::Result<String>| {
        let row = row?;
        let (member, _) = row
            .split_once(',')
            .ok_or("a row of connections.csv without a comma")?;
        Ok(member.parse()?)
    };
    rows.map(member).collect()
}

/// Two members at 1st degree, three at 2nd, two at 3rd, and one further away, as far as there are any.
async fn members_at_each_degree(client: &Client, viewer: u64) -> Result<Vec<u64>, Error> {
    let mut members = Vec::new();
    for (degree, size) in [
        (Degree::First, 2),
        (Degree::Second, 3),
        (Degree::Third, 2),
        (Degree::OutOfNetwork, 1),
    ] {
        let hits = hits(client, viewer, degree, size).await?;
        members.extend(hits.iter().map(|hit| hit.member_id));
    }
    Ok(members)
}

async fn first_hit(client: &Client, viewer: u64, degree: Degree) -> Result<Option<u64>, Error> {
    Ok(hits(client, viewer, degree, 1)
        .await?
        .first()
        .map(|hit| hit.member_id))
}

/// Members at one degree: a search without words.
async fn hits(
    client: &Client,
    viewer: u64,
    degree: Degree,
    size: u32,
) -> Result<Vec<SearchHit>, Error> {
    let options = SearchOptions {
        degrees: vec![degree],
        page: Page {
            size,
            ..Page::default()
        },
    };
    Ok(client.search(viewer, "", options).await?.hits)
}

async fn print_degrees(client: &Client, viewer: u64, members: &[u64]) -> Result<(), Error> {
    let begun = Instant::now();
    let options = DegreesOptions {
        shared_count: true,
        shared_sample: 2,
        path: true,
    };
    let page = client.degrees(viewer, members, options).await?;
    let took = milliseconds(begun);
    let named = page.degrees.iter().flat_map(|member| {
        let others = member.shared_ids.iter().chain(&member.path);
        std::iter::once(member.member_id).chain(others.copied())
    });
    let people = People::of(client, named).await?;
    for member in &page.degrees {
        println!(
            "{:>14}  {}",
            words(member.degree()),
            people.introduce(member.member_id)
        );
        let names = |ids: &[u64]| ids.iter().map(|&id| people.name(id)).collect::<Vec<_>>();
        match member.shared_count {
            None | Some(0) => {}
            Some(count) => {
                let shared = names(&member.shared_ids).join(", ");
                let more = if count as usize > member.shared_ids.len() {
                    ", …"
                } else {
                    ""
                };
                println!("{:16}{count} shared: {shared}{more}", "");
            }
        }
        if member.path.len() > 2 {
            println!(
                "{:16}through {}",
                "",
                names(&member.path[1..member.path.len() - 1]).join(", then ")
            );
        }
    }
    println!("({took:.1} ms)");
    Ok(())
}

/// Names and headlines.
struct People(BTreeMap<u64, (String, String)>);

impl People {
    async fn of(client: &Client, members: impl IntoIterator<Item = u64>) -> Result<Self, Error> {
        let members: Vec<_> = members.into_iter().collect();
        let profiles = client
            .profiles(&members)
            .await?
            .results
            .into_iter()
            .filter_map(|result| result.profile);
        let members = profiles.filter_map(|profile| profile.member);
        Ok(Self(
            members
                .map(|member| (member.member_id, (member.display_name, member.headline)))
                .collect(),
        ))
    }

    fn name(&self, member: u64) -> &str {
        self.0.get(&member).map_or("somebody", |(name, _)| name)
    }

    fn introduce(&self, member: u64) -> String {
        let headline = self.0.get(&member).map_or("", |(_, headline)| headline);
        format!("{}, {headline} (member {member})", self.name(member))
    }
}

fn degree_of(degrees: &[MemberDegree]) -> &'static str {
    degrees.first().map_or("", |member| words(member.degree()))
}

fn words(degree: Degree) -> &'static str {
    match degree {
        Degree::First => "1st",
        Degree::Second => "2nd",
        Degree::Third => "3rd",
        Degree::OutOfNetwork => "out of network",
        Degree::Self_ => "you",
        Degree::Unknown | Degree::Unspecified => "unknown",
    }
}

fn milliseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1000.0
}

fn heading(text: &str) {
    println!("\n=== {text}");
}
