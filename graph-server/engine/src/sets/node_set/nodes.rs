//! A walk over a set of nodes that can jump ahead. When two sets are walked together, each jumps to
//! the other's place.

use crate::sets::node_set::{Buckets, Form, NodeSet, WORD_BITS};

/// The nodes of a set, ascending, with jumps ahead.
#[derive(Clone, Debug)]
pub struct Nodes<'a>(Walk<'a>);

#[derive(Clone, Debug)]
enum Walk<'a> {
    /// The remaining nodes.
    Listed(&'a [u32]),
    /// The place in `lows` of the next node, and a bucket that does not begin behind it.
    Buckets {
        buckets: &'a Buckets,
        bucket: usize,
        next: usize,
    },
    /// The remaining bits of the word at `place`.
    Bits {
        words: &'a [u64],
        place: usize,
        bits: u64,
    },
}

impl Iterator for Nodes<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        match &mut self.0 {
            Walk::Listed(nodes) => {
                let (&first, rest) = nodes.split_first()?;
                *nodes = rest;
                Some(first)
            }
            Walk::Buckets {
                buckets,
                bucket,
                next,
            } => {
                if *next >= buckets.lows.len() {
                    return None;
                }
                while buckets.end(*bucket) <= *next {
                    *bucket += 1;
                }
                let node = buckets.node(*bucket, *next);
                *next += 1;
                node
            }
            Walk::Bits { words, place, bits } => {
                while *bits == 0 {
                    *place += 1;
                    *bits = *words.get(*place)?;
                }
                let node = *place as u32 * WORD_BITS + bits.trailing_zeros();
                *bits &= *bits - 1;
                Some(node)
            }
        }
    }
}

impl<'a> Nodes<'a> {
    pub(crate) fn of(set: &'a NodeSet) -> Self {
        let walk = match &set.form {
            Form::Listed(nodes) => Walk::Listed(nodes),
            Form::Buckets(buckets) => Walk::Buckets {
                buckets,
                bucket: 0,
                next: 0,
            },
            Form::Bits(words) => Walk::Bits {
                words,
                place: 0,
                bits: words.first().copied().unwrap_or(0),
            },
        };
        Self(walk)
    }
}

impl Nodes<'_> {
    /// Skips the nodes below `node`. O(log n), and O(1) for the form of bits.
    pub fn advance_to(&mut self, node: u32) {
        match &mut self.0 {
            Walk::Listed(nodes) => {
                let below = nodes.partition_point(|&other| other < node);
                *nodes = nodes.split_at(below).1;
            }
            Walk::Buckets {
                buckets,
                bucket,
                next,
            } => {
                let target = (node >> buckets.shift) as usize;
                if target > *bucket {
                    *bucket = target;
                    let start = buckets.starts.get(target);
                    *next = (*next).max(start.map_or(buckets.lows.len(), |&start| start as usize));
                }
                if target == *bucket {
                    let rest = buckets.lows.get(*next..buckets.end(target));
                    let low = node as u16;
                    *next += rest.map_or(0, |lows| lows.partition_point(|&other| other < low));
                }
            }
            Walk::Bits { words, place, bits } => {
                let target = (node / WORD_BITS) as usize;
                if target > *place {
                    *place = target;
                    *bits = words.get(target).copied().unwrap_or(0);
                }
                if target == *place {
                    *bits &= u64::MAX << (node % WORD_BITS);
                }
            }
        }
    }
}
