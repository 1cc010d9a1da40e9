//! Measures the log of a relay with a server that follows it: the cost of a durable change.

use crate::calls::Calls;
use crate::channels::Channels;
use crate::figures::{Figure, Figures};
use crate::latencies::Latencies;
use crate::outcome::Outcome;
use crate::publishing::{Visible, durable_rate};
use crate::random_changes::RandomChanges;
use crate::server::Server;
use crate::setting::Setting;
use crate::unit::Unit;

pub(super) fn measure(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    setting
        .runtime()
        .block_on(through_a_relay(setting, figures))
}

async fn through_a_relay(setting: &Setting, figures: &mut Figures) -> Outcome<()> {
    let site = setting.site()?;
    let mut random = RandomChanges::new(site.member_ids(), setting.options().seed);
    let folder = setting.data().server_folder("relay")?;
    let relay = Server::relay(folder.path(), &site.manifest().lineage_id.to_string())?;
    let follower = Server::following(folder.path(), relay.public())?;
    let publishers = Channels::connect(&relay).await?;
    let calls = Calls::new(
        Channels::connect(&follower).await?,
        setting.questions()?.clone(),
    );
    let duration = setting.duration() * 3;
    let visible = Visible::measure(&publishers, &calls, folder.path(), &mut random, duration);
    let visible = visible.await?;
    let what = "published at a relay to visible at a server that follows it, one caller";
    let above = |name: &str, quantile: fn(&Latencies) -> f64| {
        Figure::new(
            format!("{what}: {name} above one bare sync's {name}"),
            Unit::Seconds,
            visible.above_sync(quantile),
        )
    };
    figures.push(above("median", Latencies::median).note(visible.show()));
    figures.push(above("p99", Latencies::p99));
    let rate = durable_rate(&publishers, &mut random, setting.duration()).await?;
    let what =
        "durable changes per second through a relay that is followed, 64 callers, windows of 16";
    figures.push(Figure::new(what, Unit::PerSecond, rate));
    follower.kill()?;
    relay.kill()
}
