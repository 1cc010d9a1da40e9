//! The pages of the web application: it reads the graph server after it wrote to its database.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use cloud_client::{
    Client, Degree, DegreesOptions, Page, Point, SearchOptions, proto::cloud::v1::MemberDegree,
};
use cloud_tests::{postgres::Postgres, server::Server};
use tokio_postgres::Client as Session;

use crate::heading;

/// The member who looks at the page, and the members on it.
const VIEWER: u64 = 1;
const OTHERS: [u64; 5] = [2, 4, 13, 60, 100];

/// Shows a page, then accepts a friendship in the database, and shows the page again.
pub(crate) async fn show(postgres: &Postgres, server: &Server) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(server.public()).await?;
    heading("A page for user 1: who is how close?")?;
    let begun = Instant::now();
    let degrees = degrees(&client).await?;
    let took = begun.elapsed();
    print_degrees(&degrees)?;
    say!("({:.1} ms)", milliseconds(took));

    heading("Engineers in the network of user 1")?;
    let options = SearchOptions {
        degrees: vec![Degree::First, Degree::Second],
        page: Page {
            size: 3,
            ..Page::default()
        },
    };
    let begun = Instant::now();
    let found = client.search(VIEWER, "title:engineer", options).await?;
    for hit in &found.hits {
        say!("user {}: {}", hit.member_id, name_of(hit.degree()));
    }
    say!(
        "({} in all, {:.1} ms)",
        found.total,
        milliseconds(begun.elapsed())
    );

    heading("User 1 and the farthest of them become friends, in the database alone")?;
    let farthest = degrees.iter().max_by_key(|member| member.degree);
    let farthest = farthest.ok_or("the page is empty")?.member_id;
    let session = postgres.connect().await;
    let (point, committed) = befriend(&session, farthest).await?;
    let after = client.at_least(point);
    print_degrees(&self::degrees(&after).await?)?;
    say!(
        "({:.1} ms after the commit)",
        milliseconds(committed.elapsed())
    );
    Ok(())
}

/// Measures for a while how long it takes from a commit until a read sees it.
pub(crate) async fn show_lag(
    postgres: &Postgres,
    server: &Server,
    duration: Duration,
) -> Result<(), Box<dyn Error>> {
    heading("From a commit in the database to a read that sees it, while the application writes")?;
    let client = Client::connect(server.public()).await?;
    let session = postgres.connect().await;
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < duration {
        session
            .execute(
                "DELETE FROM friendships WHERE user_id = 1 AND friend_id = 100",
                &[],
            )
            .await?;
        let (point, committed) = befriend(&session, 100).await?;
        let seen = client
            .at_least(point)
            .degrees(VIEWER, &[100], DegreesOptions::default())
            .await?;
        let is_seen = seen
            .degrees
            .iter()
            .all(|member| member.degree() == Degree::First);
        if !is_seen {
            return Err(format!("the friendship is not seen: {:?}", seen.degrees).into());
        }
        times.push(committed.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| {
        let time = times.get((times.len() - 1) * percent / 100);
        milliseconds(time.copied().unwrap_or_default())
    };
    say!(
        "{} commits: median {:.1} ms, 99 % within {:.1} ms",
        times.len(),
        at(50),
        at(99)
    );
    Ok(())
}

/// Commits a friendship. Returns the database's position after the commit, and when that was.
async fn befriend(session: &Session, friend: u64) -> Result<(Point, Instant), Box<dyn Error>> {
    let statement = format!(
        "INSERT INTO friendships VALUES ({VIEWER}, {friend}, 'accepted', now())
         ON CONFLICT (user_id, friend_id) DO UPDATE SET status = 'accepted'"
    );
    session.batch_execute(&statement).await?;
    let committed = Instant::now();
    let query = "SELECT 'pg:' || system_identifier || '/' || current_database(),
                        (pg_current_wal_lsn() - '0/0'::pg_lsn)::text
                 FROM pg_control_system()";
    let row = session.query_one(query, &[]).await?;
    let position: String = row.try_get(1)?;
    Ok((
        Point::source(row.try_get::<_, String>(0)?, position.parse()?),
        committed,
    ))
}

async fn degrees(client: &Client) -> Result<Vec<MemberDegree>, Box<dyn Error>> {
    let options = DegreesOptions {
        shared_count: true,
        ..DegreesOptions::default()
    };
    Ok(client.degrees(VIEWER, &OTHERS, options).await?.degrees)
}

fn print_degrees(degrees: &[MemberDegree]) -> Result<(), Box<dyn Error>> {
    for member in degrees {
        say!(
            "user {:>3}: {:<15} {} shared",
            member.member_id,
            name_of(member.degree()),
            member.shared_count.unwrap_or_default()
        );
    }
    Ok(())
}

fn name_of(degree: Degree) -> &'static str {
    match degree {
        Degree::First => "1st",
        Degree::Second => "2nd",
        Degree::Third => "3rd",
        Degree::OutOfNetwork => "out of network",
        _ => "no member",
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
