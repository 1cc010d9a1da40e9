//! The database of a community: its tables, and their first rows.

/// The tables, as an application made them that knows nothing of the graph server.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE users (
        id bigserial PRIMARY KEY,
        username text NOT NULL UNIQUE,
        first_name text, last_name text, bio text, city text,
        created_at timestamptz NOT NULL DEFAULT now(),
        deleted_at timestamptz);
    CREATE TABLE experiences (
        id bigserial PRIMARY KEY,
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        company text NOT NULL, title text, started_on date, ended_on date);
    CREATE TABLE friendships (
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        friend_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        status text NOT NULL CHECK (status IN ('pending', 'accepted', 'declined')),
        accepted_at timestamptz,
        PRIMARY KEY (user_id, friend_id));
    CREATE TABLE posts (
        id bigserial PRIMARY KEY,
        user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
        body text NOT NULL);
";

/// Returns the statements that insert the first rows.
pub(crate) fn rows(members: u32) -> String {
    format!(
        "INSERT INTO users (username, first_name, last_name, bio, city)
             SELECT 'user' || n,
                    (ARRAY['Ada','Ben','Chloe','Dev','Emma','Finn','Grace','Hugo'])[1 + n % 8],
                    (ARRAY['Adler','Baker','Costa','Dietz','Evans','Fuchs','Gupta'])[1 + n % 7],
                    'I live here since ' || 1990 + n % 30,
                    (ARRAY['Vienna','Lyon','Porto','Oslo'])[1 + n % 4]
             FROM generate_series(1, {members}) n;
         INSERT INTO experiences (user_id, company, title, started_on)
             SELECT n, (ARRAY['Acme','Initech','Umbrella','Hooli'])[1 + n % 4],
                    (ARRAY['Rust engineer','Painter','Nurse','Teacher','Baker'])[1 + n % 5],
                    '2015-01-01'::date + n % 3000
             FROM generate_series(1, {members}) n;
         INSERT INTO friendships
             SELECT one, two, 'accepted', '2018-01-01'::timestamptz + (one || ' minutes')::interval
             FROM (SELECT DISTINCT least(a, b) AS one, greatest(a, b) AS two
                   FROM (SELECT n AS a, 1 + (n + step) % {members} AS b
                         FROM generate_series(1, {members}) n,
                              unnest(ARRAY[0, 1, 4, 7, 58, n * 7 % 9973]) step) pairs
                   WHERE a <> b) pairs;"
    )
}
