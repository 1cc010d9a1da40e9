//! The requests of a web application: an example of the client.

use crate::{heading, people::People};
use cloud_client::proto::cloud::v1::{MemberDegree, SearchHit};
use cloud_client::{
    Admin, Client, ConnectionOrder, Degree, DegreesOptions, Error, Page, PathsOptions,
    SearchOptions, SuggestionsOptions, Window, connection_added,
};
use std::{
    error::Error as StdError,
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    time::Instant,
};

/// Sends the requests of a web application, and shows how soon a change is visible.
pub(crate) async fn questions(
    client: &Client,
    admin: &Admin,
    dump: &Path,
) -> Result<(), Box<dyn StdError>> {
    let viewer = choose_viewer(client, dump).await?;
    let people = People::of(client, [viewer]).await?;
    heading(&format!("You are {}", people.introduce(viewer)))?;

    heading("How large is your network?")?;
    let begun = Instant::now();
    let sizes = client.network_sizes(viewer, true).await?;
    say!(
        "1st degree {:>8}\n2nd degree {:>8}",
        sizes.first,
        sizes.second
    );
    say!("3rd degree {:>8}", sizes.third.unwrap_or_default());
    say!("({:.1} ms)", milliseconds(begun));

    heading(
        "How close are the members on this page, \
         which connections do you share, and through whom are you connected?",
    )?;
    let page = members_at_each_degree(client, viewer).await?;
    print_degrees(client, viewer, &page).await?;

    heading("Which members may you know?")?;
    print_suggestions(client, viewer).await?;

    heading("Engineers in your network, nearest first")?;
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
        say!(
            "{:>4}  {}",
            words(hit.degree()),
            people.introduce(hit.member_id)
        );
    }
    say!("({} in all, {took:.1} ms)", found.total);

    heading("You connect with a member out of your network")?;
    let Some(stranger) = first_hit(client, viewer, Degree::OutOfNetwork)
        .await?
        .or(first_hit(client, viewer, Degree::Third).await?)
    else {
        say!("There is no member further away than 2nd degree.");
        return Ok(());
    };
    let friends = client.connections(
        stranger,
        ConnectionOrder::Recent,
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
    say!("before:");
    print_degrees(client, viewer, &page).await?;
    let begun = Instant::now();
    let published = admin
        .publish(Window::of([connection_added(viewer, stranger)]))
        .await?;
    // A read that carries the answer's as_of sees the change, or a later state.
    let after = client.at_least(published.as_of.clone());
    let seen = after
        .degrees(viewer, &[stranger], DegreesOptions::default())
        .await?;
    let took = milliseconds(begun);
    say!(
        "published as SCN {}; seen as {} after {took:.1} ms. After:",
        published.as_of.scn,
        degree_of(&seen.degrees)
    );
    print_degrees(&after, viewer, &page).await?;
    Ok(())
}

/// Returns the member, of the first ones in the dump, whose number of connections is nearest to a
/// typical one.
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

/// Returns the members of the first connections in the dump.
pub(crate) fn candidates(dump: &Path) -> Result<Vec<u64>, Box<dyn StdError>> {
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

/// Returns two members at 1st degree, three at 2nd, two at 3rd, and one further away, as far as
/// they exist.
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

/// Returns members at one degree, with a search without words.
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

async fn print_degrees(
    client: &Client,
    viewer: u64,
    members: &[u64],
) -> Result<(), Box<dyn StdError>> {
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
        say!(
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
                say!("{:16}{count} shared: {shared}{more}", "");
            }
        }
        if member.path.len() > 2 {
            say!(
                "{:16}through {}",
                "",
                names(&member.path[1..member.path.len() - 1]).join(", then ")
            );
        }
    }
    say!("({took:.1} ms)");
    Ok(())
}

/// Prints the members who share the most connections with the viewer, and the number of shortest
/// paths to the first of them.
async fn print_suggestions(client: &Client, viewer: u64) -> Result<(), Box<dyn StdError>> {
    let begun = Instant::now();
    let three = SuggestionsOptions {
        page: Page {
            size: 3,
            ..Page::default()
        },
        ..SuggestionsOptions::default()
    };
    let suggestions = client.suggestions(viewer, three).await?.suggestions;
    let took = milliseconds(begun);
    let people = People::of(client, suggestions.iter().map(|found| found.member_id)).await?;
    for found in &suggestions {
        say!(
            "{} shared: {}",
            found.shared_count,
            people.introduce(found.member_id)
        );
    }
    if let Some(first) = suggestions.first() {
        let paths = client.paths(viewer, first.member_id, PathsOptions::default());
        say!(
            "{} shortest paths lead to {}",
            paths.await?.total,
            people.name(first.member_id)
        );
    }
    say!("({took:.1} ms)");
    Ok(())
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
