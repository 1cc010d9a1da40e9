//! Measures a server's memory after 100,000 mixed calls, in place of a day of traffic.

use crate::closed_loop;
use crate::figures::{Figure, Figures};
use crate::outcome::Outcome;
use crate::setting::Setting;
use crate::unit::Unit;

const CALLS: u64 = 100_000;
const CALLERS: u64 = 16;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting.runtime().block_on(async {
        let measured = setting.measured_server("resident").await?;
        let at_start = measured.server.resident()?;
        let mixed = measured
            .calls
            .each(|calls, number| async move { calls.mixed(number).await });
        let calls = closed_loop::run_calls(CALLERS, CALLS, mixed).await?;
        let resident = measured.server.resident()?;
        let status = measured.calls.channels().admin(0).status().await?;
        let views = status.views.unwrap_or_default().bytes;
        let bytes = resident.total().saturating_sub(views);
        let what = "resident (anonymous + mapped) after 100,000 mixed calls, views apart";
        let figure = Figure::new(what, Unit::Bytes, bytes as f64)
            .at_most(1.45 * 1024.0 * 1024.0 * 1024.0)
            .at_22_m();
        let show = |bytes: u64| Unit::Bytes.show(bytes as f64);
        figures.push(figure.note(format!(
            "{} anonymous, {} mapped, {} of views; at the start {} and {}; \
             profiles and index included; {}",
            show(resident.anonymous),
            show(resident.mapped),
            show(views),
            show(at_start.anonymous),
            show(at_start.mapped),
            Unit::PerSecond.show(calls.rate)
        )));
        Ok(())
    })
}
