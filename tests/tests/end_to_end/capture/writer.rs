//! An application that writes to the database: transactions of all kinds, at random.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use tokio::{
    task::JoinHandle,
    time::{interval, sleep},
};
use tokio_postgres::NoTls;

/// The ids of members, so that many statements meet the same ones.
const MEMBERS: i64 = 300;

/// The classes of errors that come of a wrong statement: data exceptions, and syntax errors or
/// access rule violations.
const WRONG: [&str; 2] = ["22", "42"];

/// A writer that goes on until it is stopped. It connects again when the database ends a session.
pub(super) struct Writer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u64>,
}

impl Writer {
    /// Starts writing.
    pub(super) fn start(address: &str, seed: u64) -> Self {
        Self::start_with(address, seed, None, transaction)
    }

    /// Starts writing transactions of another kind: one `every` so often, if that is stated, else
    /// as many as the database takes.
    pub(super) fn start_with(
        address: &str,
        seed: u64,
        every: Option<Duration>,
        transaction: impl Fn(&mut ChaCha8Rng) -> String + Send + 'static,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (address, stopped) = (address.to_owned(), Arc::clone(&stop));
        let task = tokio::spawn(write(address, seed, every, transaction, stopped));
        Self { stop, task }
    }

    /// Stops writing, and returns the number of transactions that were committed.
    pub(super) async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("the writer ends")
    }
}

async fn write(
    address: String,
    seed: u64,
    every: Option<Duration>,
    transaction: impl Fn(&mut ChaCha8Rng) -> String + Send + 'static,
    stop: Arc<AtomicBool>,
) -> u64 {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut ticks = every.map(interval);
    let mut committed = 0;
    while !stop.load(Ordering::Relaxed) {
        let Ok((client, connection)) = tokio_postgres::connect(&address, NoTls).await else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        tokio::spawn(connection);
        while !stop.load(Ordering::Relaxed) {
            // A tick that was missed is made up for, so the rate holds over time.
            if let Some(ticks) = &mut ticks {
                ticks.tick().await;
            }
            let text = transaction(&mut random);
            // The database may end in the middle: then it has all of the transaction, or nothing.
            if let Err(error) = client.batch_execute(&text).await {
                if client.is_closed() {
                    break;
                }
                let code = error.code().map_or("", |code| code.code());
                let is_wrong = WRONG.iter().any(|class| code.starts_with(class));
                assert!(!is_wrong, "{text}: {error:?}");
                // Two writers may wait for each other: the database then ends one transaction.
                let _ = client.batch_execute("ROLLBACK").await;
                continue;
            }
            committed += 1;
        }
    }
    committed
}

/// Returns a transaction about the few members.
pub(super) fn transaction(random: &mut ChaCha8Rng) -> String {
    transaction_among(MEMBERS, random)
}

/// Returns a transaction about members with ids up to `members`.
pub(super) fn transaction_among(members: i64, random: &mut ChaCha8Rng) -> String {
    transaction_of(random, |random| statement(members, random))
}

/// Returns a transaction about the few members that does nothing where a table or a column is gone.
pub(super) fn transaction_of_any_schema(random: &mut ChaCha8Rng) -> String {
    format!(
        "DO $$ BEGIN {}
         EXCEPTION WHEN undefined_table OR undefined_column THEN NULL;
         END $$;",
        statement(MEMBERS, random)
    )
}

/// Returns a transaction of some statements.
pub(super) fn transaction_of(
    random: &mut ChaCha8Rng,
    statement: impl Fn(&mut ChaCha8Rng) -> String,
) -> String {
    let count = random.random_range(1..=4);
    let statements: String = (0..count).map(|_| statement(random)).collect();
    format!("BEGIN; {statements} COMMIT;")
}

fn statement(members: i64, random: &mut ChaCha8Rng) -> String {
    let id = random.random_range(1..=members);
    let other = random.random_range(1..=members);
    let number = random.random_range(0..1_000_000);
    let time = match number % 5 {
        0 => "NULL::timestamptz".to_owned(),
        _ => format!("'2020-01-01'::timestamptz + interval '{number} seconds'"),
    };
    let person = |id: i64| {
        format!(
            "INSERT INTO people (id, first_name, last_name, headline, city, skills, team)
             VALUES ({id}, 'Given{number}', 'Family \\ {number}', 'a \"b\", c', NULL,
                     '{{sql,\"c, d\"}}', 'team {}')
             ON CONFLICT (id) DO NOTHING;",
            number % 7
        )
    };
    match random.random_range(0..17) {
        0..3 => person(id),
        3 => format!(
            "UPDATE people SET headline = 'h{number}', city = NULLIF('{}', '0') WHERE id = {id};",
            number % 3
        ),
        4 => format!(
            "UPDATE people SET skills = ARRAY['k{number}'], last_name = ' Ñ{number} ' \
             WHERE id = {id};"
        ),
        5 => format!("UPDATE people SET deleted_at = now() WHERE id = {id};"),
        6 => format!("DELETE FROM people WHERE id = {id};"),
        7 => format!(
            "INSERT INTO about SELECT {id}, repeat('story {number} ', {}), 'field'
             WHERE EXISTS (SELECT FROM people WHERE id = {id} AND deleted_at IS NULL)
             ON CONFLICT (person) DO UPDATE SET story = excluded.story;",
            number % 400
        ),
        8 => format!("UPDATE about SET field = 'f{number}' WHERE person = {id};"),
        9 => format!("DELETE FROM about WHERE person = {id};"),
        10 => format!(
            "INSERT INTO jobs (person, employer, role, begun, over)
             SELECT {id}, 'Employer {}', 'Role', '2001-02-03', {}
             WHERE EXISTS (SELECT FROM people WHERE id = {id} AND deleted_at IS NULL);",
            number % 9,
            if number % 2 == 0 {
                "NULL"
            } else {
                "'2010-11-12'"
            }
        ),
        11 => {
            format!("UPDATE jobs SET role = 'r{number}', over = '2011-01-01' WHERE person = {id};")
        }
        12 => format!("DELETE FROM jobs WHERE person = {id} AND id % 3 = 0;"),
        13 | 14 if id != other => format!(
            "INSERT INTO links SELECT {}, {}, '{}', {time}
             WHERE EXISTS (SELECT FROM people WHERE id = {id} AND deleted_at IS NULL)
               AND EXISTS (SELECT FROM people WHERE id = {other} AND deleted_at IS NULL)
             ON CONFLICT (one, two)
             DO UPDATE SET status = excluded.status, since = excluded.since;",
            id.min(other),
            id.max(other),
            ["accepted", "accepted", "pending", "declined"][number % 4]
        ),
        15 => format!("UPDATE people SET deleted_at = NULL WHERE id = {id};"),
        13..15 => format!("INSERT INTO unmapped (note) VALUES ('{number}');"),
        _ => format!(
            "DELETE FROM links WHERE one = {id} AND two % 5 = {};",
            number % 5
        ),
    }
}
