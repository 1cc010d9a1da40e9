//! Times of connections: texts with and without a zone, and numbers in a wrong unit.

use crate::dump::{Dump, rows};

const TIME: u64 = 1_272_085_947_947;

fn dump(unit: &str, times: &[&str]) -> Dump {
    let times = times.iter().enumerate();
    let rows: String = times
        .map(|(at, time)| format!("{},{},{time}\n", at + 1, at + 2))
        .collect();
    let dump = Dump::of_connections(format!("member_id,other_id,connected_at\n{rows}"));
    match unit {
        "" => dump,
        unit => dump.map(&format!("connections:member=1,other=2,time=3{unit}")),
    }
}

#[test]
fn times_without_a_zone_need_a_unit() {
    let text = "2010-04-24 05:12:27.947";
    for unit in ["", ":rfc3339"] {
        assert_eq!(
            dump(unit, &[text]).error(),
            format!(
                "connections.csv:2: column 3: the time {text} has no zone: --map with time=3:utc, \
                 or with a zone as in time=3:Europe/Vienna, reads it"
            )
        );
    }
    for (unit, texts) in [
        (
            ":utc",
            [
                text,
                "2010-04-24T05:12:27.947",
                "2010-04-24T07:12:27.947+02:00",
            ],
        ),
        (
            ":Europe/Vienna",
            [
                "2010-04-24 07:12:27.947",
                "2010-04-24T05:12:27.947Z",
                "\"2010-04-24 07:12:27.947\"",
            ],
        ),
        (
            ":America/New_York",
            ["2010-04-24 01:12:27.947", "2010-04-24 01:12:27.947-04", ""],
        ),
        (
            ":Asia/Kolkata",
            ["2010-04-24 10:42:27.9479", "2010-04-24t10:42:27.947", ""],
        ),
        (
            "",
            [
                "2010-04-24T05:12:27.947Z",
                "2010-04-24 05:12:27.947+00",
                "2010-04-24T05:12:27.947+0000",
            ],
        ),
    ] {
        let summary_of = dump(unit, &texts);
        let summary = summary_of.build();
        for (member, row) in rows(&summary.snapshot) {
            for (other, time) in row {
                let text = texts[member.min(other) as usize - 1];
                let expected = if text.is_empty() { 0 } else { TIME };
                assert_eq!(time, expected, "{text} {unit}");
            }
        }
    }
    assert_eq!(
        dump(":Europe/Vienna", &["2010-03-28 02:30:00"]).error(),
        "connections.csv:2: column 3: the time 2010-03-28 02:30:00 does not exist in \
         Europe/Vienna: clocks skip it"
    );
    for text in ["2010-04-24", "2010-04-24 05:12", "24.04.2010 05:12:27"] {
        for (unit, name) in [
            ("", "rfc3339"),
            (":utc", "UTC"),
            (":Europe/Vienna", "Europe/Vienna"),
        ] {
            assert_eq!(
                dump(unit, &[text]).error(),
                format!("connections.csv:2: column 3: \"{text}\" is not a time in {name}")
            );
        }
    }
}

#[test]
fn epochs_in_a_wrong_unit_are_suspected() {
    const QUESTION: &str = "times of connections are in the first 48 days of 1970: are they \
                            seconds that were read as milliseconds (--map with time=COLUMN:s)?";
    for (unit, times, counts) in [
        (":ms", &["1272085947"][..], Some("1 of 1")),
        (
            ":ms",
            &["1272085947", "", "1272085947947", "946684800"],
            Some("2 of 3"),
        ),
        (":ms", &["1272085947947", "4102444800"], None),
        (":s", &["1272085947", ""], None),
        (
            ":rfc3339",
            &["1970-01-15T17:21:25Z", "2010-04-24T05:12:27Z"],
            Some("1 of 2"),
        ),
        (":rfc3339", &["", "1970-02-18T00:00:00Z"], None),
    ] {
        let summary = dump(unit, times).build().to_string();
        let warning = summary.lines().find(|line| line.starts_with("warning "));
        let expected = counts.map(|counts| format!("warning      {counts} {QUESTION}"));
        assert_eq!(warning, expected.as_deref(), "{times:?}");
    }
    for (unit, time) in [
        (":s", "1272085947947"),
        (":ms", "1272085947947000"),
        (":s", "946684800000"),
    ] {
        assert_eq!(
            dump(unit, &[time]).error(),
            format!(
                "connections.csv:2: column 3: the time {time} is after the year 9999 (is its unit \
                 really {}?)",
                &unit[1..]
            )
        );
    }
}
