//! Members and positions, in any order of rows, become profiles in node order.

use std::sync::Arc;

use cloud_engine::{Base, Budget, Degree, Manifest, Scratch, View, Writer};
use cloud_model::{LogId, MemberId};
use cloud_profile::empty_profile;
use cloud_proto::databus::v1::{Position, PositionKind, YearMonth};
use cloud_search::{Degrees, Network, ProfileStore, Query, search};
use loader::NodeOrder;
use loader::inspect::inspect;

use crate::dump::{Dump, members_by_node, profiles};

#[test]
fn rows_become_profiles() {
    let dump = Dump::new()
        .members(
            "members.csv",
            "member_id,given_name,family_name,display_name,headline,\
             place,region,country,industry,summary,skills\n\
             9,Grace,Hopper,,\"Rear admiral, \"\"COBOL\"\"\",\
             ,,US,,\"two\nlines, one field\",rust;compilers\n",
        )
        .members(
            "more.csv",
            "family_name,given_name,member_id\nLovelace,Ada,7\n李,小龍,8\n",
        )
        .positions(
            "positions.csv",
            "member_id,position_id,kind,organisation,title,\
             country,from,to,current,organisation_id\n\
             9,3,work,Navy,Lieutenant,US,1943-12,1946,false,usn\n\
             7,1,work,Babbage & Co.,Programmer,UK,1842,,true,\n\
             9,5,work,DEC,Consultant,US,1986,,true,\n\
             9,4,education,Yale,\"PhD, mathematics\",US,1930,1934,,\n",
        );
    let summary = dump.build();
    assert_eq!((summary.manifest.members, summary.positions), (3, 4));
    let profiles = profiles(&summary.snapshot);
    let members: Vec<_> = profiles
        .iter()
        .map(|profile| profile.member.clone().unwrap())
        .collect();
    let names: Vec<_> = members
        .iter()
        .map(|member| (member.member_id, member.display_name.as_str()))
        .collect();
    assert_eq!(
        names,
        [(7, "Ada Lovelace"), (8, "小龍 李"), (9, "Grace Hopper")]
    );
    assert_eq!(members[2].headline, "Rear admiral, \"COBOL\"");
    assert_eq!(members[2].summary, "two\nlines, one field");
    assert_eq!(members[2].skills, ["rust", "compilers"]);
    let of_grace: Vec<_> = profiles[2]
        .positions
        .iter()
        .map(|position| position.position_id)
        .collect();
    assert_eq!(of_grace, [5, 3, 4]);
    let expected = Position {
        position_id: 3,
        kind: PositionKind::Work.into(),
        organisation: "Navy".into(),
        title: "Lieutenant".into(),
        country: "US".into(),
        from: Some(YearMonth {
            year: 1943,
            month: 12,
        }),
        to: Some(YearMonth {
            year: 1946,
            month: 0,
        }),
        current: false,
        organisation_id: "usn".into(),
    };
    assert_eq!(profiles[2].positions[1], expected);
}

#[test]
fn whoever_is_in_a_snapshot_is_found() {
    check_found(NodeOrder::Id);
    check_found(NodeOrder::Community);
}

fn check_found(order: NodeOrder) {
    let dump = Dump::new()
        .order(order)
        .members(
            "members.csv",
            "member_id,given_name,headline\n30,Ada,programmer\n10,Eve,\n20,Grace,programmer\n",
        )
        .connections("connections.csv", "member_id,other_id\n10,20\n20,30\n");
    let snapshot = dump.build().snapshot;
    let manifest = Manifest::read(&snapshot).unwrap();
    let log_id = LogId::new(7);
    let (people, _writer) =
        ProfileStore::open(&snapshot, &manifest, &dump.path().join("live"), log_id).unwrap();
    let base = Arc::new(Base::open(&snapshot, &manifest).unwrap());
    let graph = Writer::new(base, manifest.scn).version().graph();
    let viewer = graph.node(MemberId::new(10).unwrap()).unwrap();
    let view = View::build(
        &graph,
        viewer,
        &mut Scratch::new(),
        &mut Budget::unlimited(),
    )
    .unwrap();
    let network = Network {
        degrees: Degrees::ALL,
        view: Arc::new(view),
        graph,
    };
    let query = Query::parse("headline:programmer").unwrap();
    let page = search(&people.published(), &query, &network, 10, None, &|| false).unwrap();
    let found: Vec<_> = page
        .hits
        .iter()
        .map(|hit| (hit.member.get(), hit.degree))
        .collect();
    assert_eq!(found, [(20, Degree::First), (30, Degree::Second)]);
}

#[test]
fn profiles_follow_the_nodes() {
    // The path 1-4-2-5-3-6: connected members get consecutive nodes.
    let dump = Dump::new()
        .order(NodeOrder::Community)
        .members(
            "members.csv",
            "member_id,given_name\n1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n",
        )
        .positions(
            "positions.csv",
            "member_id,position_id,title\n6,1,z\n1,1,x\n1,2,y\n",
        )
        .connections(
            "connections.csv",
            "member_id,other_id\n3,6\n1,4\n4,2\n2,5\n5,3\n",
        );
    let summary = dump.build();
    let members = members_by_node(&summary.snapshot);
    assert_eq!(members, [1, 4, 2, 5, 3, 6]);
    assert_eq!(summary.positions, 3);
    for (member, profile) in members.iter().zip(profiles(&summary.snapshot)) {
        let found = profile.member.unwrap();
        let name = ["a", "b", "c", "d", "e", "f"][*member as usize - 1];
        assert_eq!(
            (found.member_id, found.given_name.as_str()),
            (*member, name)
        );
        let expected = match member {
            1 => 2,
            6 => 1,
            _ => 0,
        };
        assert_eq!(profile.positions.len(), expected, "positions of {member}");
    }
}

#[test]
fn positions_without_an_id_are_numbered_in_row_order() {
    let dump = Dump::new()
        .members("members.csv", "member_id\n1\n2\n")
        .positions(
            "positions.csv",
            "member_id,position_id,title\n1,,a\n2,,x\n1,1,b\n1,,c\n2,,x\n",
        );
    let profiles = profiles(&dump.build().snapshot);
    let titles = |index: usize| {
        let mut titles: Vec<_> = profiles[index]
            .positions
            .iter()
            .map(|position| (position.position_id, position.title.clone()))
            .collect();
        titles.sort();
        titles
    };
    assert_eq!(
        titles(0),
        [(1, "b".into()), (2, "a".into()), (3, "c".into())]
    );
    assert_eq!(titles(1), [(1, "x".into()), (2, "x".into())]);
}

#[test]
fn the_same_row_twice_is_dropped_and_counted() {
    let dump = Dump::new()
        .members("members.csv", "member_id,given_name\n1,Ada\n2,Eve\n1,Ada\n")
        .positions(
            "positions.csv",
            "member_id,position_id,title\n1,4,a\n1,4,a\n1,4,a\n",
        );
    let summary = dump.build();
    assert_eq!(
        (
            summary.dropped.repeated_members,
            summary.dropped.repeated_positions
        ),
        (1, 2)
    );
    assert_eq!((summary.manifest.members, summary.positions), (2, 1));
}

#[test]
fn without_members_files_profiles_are_empty() {
    for order in [NodeOrder::Id, NodeOrder::Community] {
        let dump = Dump::of_connections("member_id,other_id\n9,1\n9,8\n2,1\n").order(order);
        let snapshot = dump.build().snapshot;
        let members = members_by_node(&snapshot);
        assert_eq!(members.len(), 4);
        let expected: Vec<_> = members.into_iter().map(empty_profile).collect();
        assert_eq!(profiles(&snapshot), expected, "{order:?}");
    }
}

#[test]
fn without_members_files_people_take_as_many_bytes_for_any_number_of_members() {
    let check = |members: u64| {
        let rows: String = (1..members)
            .map(|id| format!("{id},{}\n", id + 1))
            .collect();
        let dump = Dump::of_connections(format!("member_id,other_id\n{rows}"));
        let summary = dump.build();
        assert_eq!(summary.manifest.members, members);
        let stages = summary.stages.iter().map(|stage| stage.name);
        let of_people: Vec<_> = stages.filter(|name| name.ends_with("profiles")).collect();
        assert_eq!(of_people, ["seal graph and profiles"]);
        let inspection = inspect(&summary.snapshot).unwrap();
        assert!(inspection.is_silent);
        assert!(
            inspection.to_string().contains("\nprofiles     none"),
            "{inspection}"
        );
        let files = summary.manifest.files.iter();
        let of_people = files.filter(|file| !["graph.csr", "times.bin"].contains(&&*file.name));
        let sizes = of_people.map(|file| (file.name.clone(), file.bytes));
        sizes.collect::<Vec<_>>()
    };
    let few = check(2);
    let names: Vec<_> = few.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["profiles.bin", "search/meta.json"]);
    assert_eq!(check(50_000), few);

    let with_members = Dump::new().members("members.csv", "member_id\n1\n");
    let inspection = inspect(&with_members.build().snapshot).unwrap();
    assert!(!inspection.is_silent && !inspection.to_string().contains("profiles     none"));
}
