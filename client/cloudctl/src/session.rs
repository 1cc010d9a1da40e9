//! `cloudctl session begin` and `cloudctl session end`.

use crate::{
    answer::{Answer, as_of_json, as_of_line, span},
    arguments::Session,
    exit::Failed,
    servers::Servers,
};
use serde_json::json;

pub(crate) async fn change(servers: &Servers, session: Session) -> Result<Answer, Failed> {
    let client = servers.client().await?;
    match session {
        Session::Begin { viewer } => {
            let begun = client.begin_session(viewer).await?;
            let as_of = begun.as_of.as_ref();
            let idle_seconds = span(begun.idle_timeout).as_secs();
            Ok(Answer {
                text: format!(
                    "session {}, ends after {idle_seconds} s without a request, {}",
                    begun.session,
                    as_of_line(as_of)
                ),
                json: json!({
                    "as_of": as_of_json(as_of),
                    "viewer_id": viewer,
                    "session": begun.session,
                    "idle_seconds": idle_seconds,
                }),
            })
        }
        Session::End { session } => {
            let ended = client.end_session(session.as_str()).await?;
            let as_of = ended.as_of.as_ref();
            Ok(Answer {
                text: format!("ended, {}", as_of_line(as_of)),
                json: json!({ "as_of": as_of_json(as_of), "session": session }),
            })
        }
    }
}
