//! The network between capture and the database is cut, and no connection ends by itself.

use std::time::{Duration, Instant};

use cloud_tests::{proxy::Proxy, rounds::rounds, until::until};
use tokio::time::sleep;

use super::{
    site::{CapturedSite, lsn},
    writer::Writer,
};

/// The line of a sender that gave up its reader.
const TIMED_OUT: &str = "terminating walsender process due to replication timeout";

/// Starts a captured site with a proxy before its database, whose senders time out after 2 s.
/// `None` if there is no PostgreSQL.
async fn captured_through_proxy() -> Option<(CapturedSite, Proxy)> {
    let mut site = CapturedSite::start_with(&[("wal_sender_timeout", "2s")]).await?;
    let proxy = Proxy::start(site.postgres.port()).await;
    site.reach_at(format!(
        "postgres://postgres@127.0.0.1:{}/postgres",
        proxy.port()
    ));
    site.begin().await;
    site.capture();
    Some((site, proxy))
}

/// Cuts the network until the database has ended its sender.
async fn cut_until_the_sender_ends(site: &CapturedSite, proxy: &Proxy) {
    let before = site.postgres.log().matches(TIMED_OUT).count();
    proxy.cut();
    until("the database ends its sender", async || {
        let ended = site.postgres.log().matches(TIMED_OUT).count();
        (ended > before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn capture_goes_on_after_the_network_was_cut() {
    let Some((site, proxy)) = captured_through_proxy().await else {
        return;
    };
    let writer = Writer::start(&site.postgres.address(), 12);
    for _ in 0..rounds(2, 8) {
        sleep(Duration::from_millis(700)).await;
        cut_until_the_sender_ends(&site, &proxy).await;
        proxy.mend();
        goes_on(&site).await;
    }
    let committed = writer.stop().await;
    site.check().await;
    println!("{committed} transactions were committed");
}

/// A router that restarts forgets the connections: they stay silent, and nothing closes them. The
/// half minute after which capture gives one up is too long for `make test`.
#[tokio::test(flavor = "multi_thread")]
async fn capture_leaves_connections_that_stay_silent() {
    if rounds(0, 1) == 0 {
        return;
    }
    let Some((mut site, proxy)) = captured_through_proxy().await else {
        return;
    };
    let writer = Writer::start(&site.postgres.address(), 13);
    sleep(Duration::from_millis(700)).await;
    cut_until_the_sender_ends(&site, &proxy).await;
    proxy.mend_for_new();
    goes_on(&site).await;

    // The session for queries begins, and the one that streams does not.
    site.kill_capture();
    proxy.cut_after(1);
    let before = proxy.accepted();
    site.capture();
    until("both sessions are begun", async || {
        (proxy.accepted() == before + 2).then_some(())
    })
    .await;
    proxy.mend_for_new();
    goes_on(&site).await;
    writer.stop().await;
    site.check().await;
}

/// Waits until the slot is confirmed for what the database has now.
async fn goes_on(site: &CapturedSite) {
    let begun = Instant::now();
    let position = site.position().await;
    let confirmed = "SELECT confirmed_flush_lsn::text FROM pg_replication_slots";
    until("capture goes on", async || {
        (lsn(&site.postgres.value(confirmed).await) > position).then_some(())
    })
    .await;
    println!("capture goes on after {:?}", begun.elapsed());
}
