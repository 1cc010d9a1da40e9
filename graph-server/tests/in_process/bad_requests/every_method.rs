//! Errors that any call can have: in its bytes, its size, its deadline, its listener, its method.

use super::{
    limits, methods,
    raw::{Listener, Wire, listener_of},
    row::Outcome,
};
use crate::small_site::SmallSite;
use cloud_serving::limits::REQUEST_BYTES_MAX;
use tonic::Code;

fn malformed() -> Outcome {
    Outcome::Reason(Code::InvalidArgument, "MALFORMED", "", String::new())
}

fn unknown_method() -> Outcome {
    Outcome::Reason(Code::Unimplemented, "UNKNOWN_METHOD", "", String::new())
}

/// Returns the refusal of a call on the wrong listener, with the right one.
fn other_listener(listener: Listener) -> Outcome {
    let listener = match listener {
        Listener::Public => "public",
        Listener::Admin => "admin",
    };
    let (code, reason) = (Code::Unimplemented, "OTHER_LISTENER");
    Outcome::Reason(code, reason, "listener", listener.to_owned())
}

#[track_caller]
fn check(what: &str, call: &str, outcome: &Outcome, answer: Result<Vec<u8>, tonic::Status>) {
    if let Err(found) = outcome.compare(answer) {
        panic!("{call}, {what}: {found}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_message_are_malformed() {
    let site = SmallSite::start(limits()).await;
    let wire = Wire::connect(&site).await;
    let wrong = [
        ("a tag without its number", vec![0x08]),
        ("a number without an end", vec![0xff; 12]),
        (
            "a length beyond the end",
            vec![0x0a, 0xff, 0xff, 0xff, 0x7f],
        ),
        ("a group that is not closed", vec![0xfb, 0x01]),
        ("tag 0", vec![0x00, 0x00]),
    ];
    for call in methods().into_keys() {
        for (what, bytes) in &wrong {
            let answer = wire.ask(&call, vec![bytes.clone()], None).await;
            check(what, &call, &malformed(), answer);
        }
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_with_the_limit() {
    let site = SmallSite::start(limits()).await;
    let wire = Wire::connect(&site).await;
    // A field that no message has, so that only the size is wrong.
    let sized = |bytes: usize| {
        let mut message = vec![0xfa, 0x3f];
        let mut length = bytes - 6;
        for _ in 0..3 {
            message.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        message.push(length as u8);
        message.resize(bytes, 0);
        message
    };
    let limit = REQUEST_BYTES_MAX.to_string();
    let too_large = Outcome::Reason(Code::InvalidArgument, "REQUEST_TOO_LARGE", "limit", limit);
    for call in methods().into_keys() {
        let answer = wire
            .ask(&call, vec![sized(REQUEST_BYTES_MAX + 1)], None)
            .await;
        check("a byte above the limit", &call, &too_large, answer);
    }
    let call = "cloud.v1.AdminService/GetStatus";
    let answer = wire.ask(call, vec![sized(REQUEST_BYTES_MAX)], None).await;
    check("the limit", call, &Outcome::Answered, answer);
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_deadline_that_is_none_is_refused() {
    let site = SmallSite::start(limits()).await;
    let wire = Wire::connect(&site).await;
    let refused = Outcome::Field("grpc-timeout");
    for call in methods().into_keys() {
        for timeout in ["soon", "", "S", "-1S", "1", "1.5S", "123456789S", "1s"] {
            let answer = wire.ask(&call, vec![vec![]], Some(timeout)).await;
            check(timeout, &call, &refused, answer);
        }
    }
    site.running.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_not_served_there_is_unimplemented() {
    let site = SmallSite::start(limits()).await;
    let wire = Wire::connect(&site).await;
    for call in methods().into_keys() {
        if listener_of(&call) == Listener::Admin {
            let answer = wire.ask_on(Listener::Public, &call, vec![vec![]], None);
            let refused = other_listener(Listener::Admin);
            check("on the public listener", &call, &refused, answer.await);
        }
        let service = call.split('/').next().unwrap();
        for method in ["Nothing", "getDegrees", "%00", "a/b"] {
            let path = format!("{service}/{method}");
            let answer = wire.ask(&path, vec![vec![]], None).await;
            check("no such method", &path, &unknown_method(), answer);
        }
    }
    for path in [
        "nothing",
        "cloud.v2.NetworkService/GetDegrees",
        "grpc.health.v1.Health/Nothing",
    ] {
        for listener in [Listener::Public, Listener::Admin] {
            let answer = wire.ask_on(listener, path, vec![vec![]], None).await;
            check("no such service", path, &unknown_method(), answer);
        }
    }
    site.running.shutdown().await.unwrap();
}
