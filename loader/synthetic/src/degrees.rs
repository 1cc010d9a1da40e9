//! The target degree of each member: log-normal, with a few hubs above.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal};

use crate::random::{Purpose, stream};

/// The standard deviation of the logarithm of the degree.
const SIGMA: f64 = 1.45;
/// The least degree of a hub at 22 million members, the greatest, and the number of hubs.
const LARGE: (f64, f64, f64) = (10_000.0, 30_000.0, 40.0);
const LARGE_MEMBERS: f64 = 22e6;
/// The same numbers at 200,000 members. Other sizes follow the powers of the number of members
/// through both.
const SMALL: (f64, f64, f64) = (2_000.0, 3_000.0, 3.0);
const SMALL_MEMBERS: f64 = 200e3;
/// The factor by which hubs aim above their least degree. Connecting pairs misses a few, and never
/// exceeds the target.
const HUB_MARGIN: f64 = 1.08;
/// The share of a hub's least degree that other members have at most.
const ORDINARY_MAX: f64 = 0.9;

/// The number of hubs of a site, and their degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hubs {
    /// The number of hubs; 0 on a small site.
    pub count: u32,
    /// The least degree of a hub.
    pub degree_min: u32,
    /// The greatest degree of a hub.
    pub degree_max: u32,
}

impl Hubs {
    /// Returns the hubs of a site with this number of members and this mean degree.
    #[must_use]
    pub fn of(members: u32, mean_connections: f64) -> Self {
        let between = |small: f64, large: f64| {
            let exponent = (large / small).ln() / (LARGE_MEMBERS / SMALL_MEMBERS).ln();
            small * (f64::from(members) / SMALL_MEMBERS).powf(exponent)
        };
        let degree_min = between(SMALL.0, LARGE.0)
            .max(30.0 * mean_connections)
            .max(2.0);
        let degree_max = between(SMALL.1, LARGE.1).max(1.5 * degree_min);
        let room = degree_max < f64::from(members) / 10.0;
        Hubs {
            count: if room {
                between(SMALL.2, LARGE.2).round() as u32
            } else {
                0
            },
            degree_min: degree_min as u32,
            degree_max: degree_max as u32,
        }
    }
}

/// Draws the target degree of each member. Their mean is the requested one, as far as this number
/// of members allows.
pub(super) fn wanted_degrees(members: u32, mean: f64, seed: u64) -> Vec<u32> {
    let hubs = Hubs::of(members, mean);
    let mut random = stream(seed, Purpose::Degrees, 0);
    let mut shapes: Vec<f32> = match LogNormal::new(0.0, SIGMA) {
        Ok(shape) => (0..members)
            .map(|_| shape.sample(&mut random) as f32)
            .collect(),
        Err(_) => vec![1.0; members as usize],
    };
    let hub_degrees = draw_hubs(hubs, members, &mut random);
    for &(member, _) in &hub_degrees {
        if let Some(shape) = shapes.get_mut(member as usize) {
            *shape = 0.0;
        }
    }
    let of_hubs: f64 = hub_degrees
        .iter()
        .map(|&(_, degree)| f64::from(degree))
        .sum();
    let ordinary_max =
        (f64::from(hubs.degree_min) * ORDINARY_MAX).min(f64::from(members - 1) / 2.0);
    let total = (mean * f64::from(members) - of_hubs).max(0.0);
    let scale = scale_to(&shapes, total, ordinary_max);
    let mut degrees: Vec<u32> = shapes
        .iter()
        .map(|&shape| {
            let degree = (f64::from(shape) * scale).min(ordinary_max);
            (degree + random.random::<f64>()) as u32
        })
        .collect();
    for (member, degree) in hub_degrees {
        if let Some(wanted) = degrees.get_mut(member as usize) {
            *wanted = degree;
        }
    }
    degrees
}

/// Draws distinct members and a degree for each. Smaller degrees are more frequent.
fn draw_hubs(hubs: Hubs, members: u32, random: &mut ChaCha8Rng) -> Vec<(u32, u32)> {
    let low = f64::from(hubs.degree_min) * HUB_MARGIN;
    let high = f64::from(hubs.degree_max);
    rand::seq::index::sample(random, members as usize, hubs.count as usize)
        .into_iter()
        .map(|member| {
            (
                member as u32,
                (low * (high / low).powf(random.random::<f64>())) as u32,
            )
        })
        .collect()
}

/// Returns the factor by which the shapes, limited to `most`, add up to the total.
fn scale_to(shapes: &[f32], total: f64, most: f64) -> f64 {
    let sum: f64 = shapes.iter().map(|&shape| f64::from(shape)).sum();
    let mut scale = total / sum.max(f64::MIN_POSITIVE);
    // The limit takes little, and the next round gives that to the others.
    for _ in 0..8 {
        let cut: f64 = shapes
            .iter()
            .map(|&shape| (f64::from(shape) * scale).min(most))
            .sum();
        if cut <= 0.0 || (cut - total).abs() < 1e-4 * total {
            break;
        }
        scale *= total / cut;
    }
    scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hubs_are_as_many_and_as_large_as_the_site_has() {
        let check = |members: u32, count: u32, degree_min: u32, degree_max: u32| {
            let hubs = Hubs::of(members, 11.0);
            assert_eq!(hubs.count, count, "{members}");
            assert!(
                hubs.degree_min.abs_diff(degree_min) <= 1,
                "{members}: {hubs:?}"
            );
            assert!(
                hubs.degree_max.abs_diff(degree_max) <= 1,
                "{members}: {hubs:?}"
            );
        };
        check(22_000_000, 40, 10_000, 30_000);
        check(200_000, 3, 2_000, 3_000);
        assert_eq!(Hubs::of(2_000_000, 11.0).count, 11);
        assert_eq!(Hubs::of(1_000, 11.0).count, 0);
        assert_eq!(Hubs::of(1, 0.0).count, 0);
    }

    #[test]
    fn wanted_degrees_have_the_mean_and_the_hubs() {
        for (members, mean) in [
            (1_000, 5.0),
            (20_000, 11.0),
            (200_000, 11.0),
            (5_000, 200.0),
        ] {
            let degrees = wanted_degrees(members, mean, 9);
            let sum: f64 = degrees.iter().map(|&degree| f64::from(degree)).sum();
            let reached = sum / f64::from(members);
            assert!(
                (reached / mean - 1.0).abs() < 0.03,
                "{members} x {mean}: {reached}"
            );
            let hubs = Hubs::of(members, mean);
            let found = degrees
                .iter()
                .filter(|&&degree| degree >= hubs.degree_min)
                .count();
            assert_eq!(found, hubs.count as usize, "{members} x {mean}");
        }
    }
}
