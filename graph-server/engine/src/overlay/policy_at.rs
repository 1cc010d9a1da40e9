//! Who may not see whom, as of an SCN: the base's policy and the changes since.
//!
//! The changes of policy stand in chains of their own, as those of connections do. The neighbour of
//! an entry is a key of the node's row (`base/policy_row.rs`), and the stamp has the value. A block
//! is an entry in both ends' chains.
//!
//! An entry that names the node itself says whether a restriction hides it: value 1 if so, value 0
//! if none does any more. It follows from the restrictions, and saves a walk of them: nodes without
//! such an entry, which one bit shows, are hidden as the base says. When it changes, a marker is
//! appended to the chains of the graph, of the node and of each neighbour: views trust a node whose
//! own chain has no entry.

use crate::{
    base::policy_row::{Blocks, CLOSED_LIST, Meaning, NODES_MAX, PolicyWord},
    graph::Graph,
    node_index::NodeIndex,
    overlay::{
        chains::Step,
        summary::{LastWords, merged, own_entry},
        version::Version,
    },
};
use cloud_model::{RestrictionKind, Scn};

/// The value of a node's entry about itself if a restriction hides it.
const HIDDEN: u64 = 1;

/// A block between a member and another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The other.
    pub other: NodeIndex,
    /// Whether the member blocks the other.
    pub blocks: bool,
    /// Whether the other blocks the member.
    pub is_blocked: bool,
}

/// A restriction against a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// Its kind.
    pub kind: RestrictionKind,
    /// The end that was stated, in milliseconds since 1970; 0 if none was.
    pub ends_at: u64,
}

impl Version {
    /// Returns whether a restriction hides the node.
    #[inline]
    pub(crate) fn hides(&self, node: NodeIndex, scn: Scn) -> bool {
        let chains = &self.overlay.policy;
        if chains.has_own_entries(node)
            && let Some(stamp) = own_entry(node, chains.chain(node, scn))
        {
            return stamp.value() == Some(HIDDEN);
        }
        self.base.policy().hides(node)
    }

    /// Returns whether a restriction hides some node, at some SCN.
    pub(crate) fn hides_some(&self) -> bool {
        self.base.policy().hides_some() || self.overlay.policy.has_any_own_entry()
    }

    /// Returns the nodes that the node blocks or that block it, ascending.
    pub(crate) fn blocked_either_way(&self, node: NodeIndex, scn: Scn) -> Vec<u32> {
        if self.has_no_policy() {
            return Vec::new();
        }
        if !self.overlay.policy.is_touched(node) {
            return self.base.policy().blocks(node).0.to_vec();
        }
        let row = self.policy_row(node, scn).into_iter();
        let others = row.take_while(|word| word.key < NODES_MAX);
        others.map(|word| word.key).collect()
    }

    fn has_no_policy(&self) -> bool {
        self.base.policy().is_empty() && self.overlay.policy.entry_count() == 0
    }

    /// Returns who of two blocks whom.
    pub(crate) fn blocks_between(&self, one: NodeIndex, other: NodeIndex, scn: Scn) -> Blocks {
        let value = self.policy_value(one, other.get(), scn);
        value.and_then(Blocks::of_value).unwrap_or(Blocks::NONE)
    }

    /// Returns the value of a key of the node's row.
    pub(crate) fn policy_value(&self, node: NodeIndex, key: u32, scn: Scn) -> Option<u64> {
        let chains = &self.overlay.policy;
        if chains.is_touched(node) {
            let mut chain = chains.chain(node, scn);
            while let Some(step) = chain.step() {
                match step {
                    Step::Link(link) if link.neighbour == key => return link.stamp.value(),
                    Step::Link(_) => {}
                    Step::Summary(summary) => {
                        if let Some(stamp) = summary.word(NodeIndex::new(key)) {
                            return stamp.value();
                        }
                        break;
                    }
                }
            }
        }
        self.base.policy().value(node, key)
    }

    /// Returns the node's row, ascending by key.
    pub(crate) fn policy_row(&self, node: NodeIndex, scn: Scn) -> Vec<PolicyWord> {
        let of_base = self.base.policy().row(node);
        let chains = &self.overlay.policy;
        if !chains.is_touched(node) {
            return of_base.collect();
        }
        let words = LastWords::of(node, chains.chain(node, scn)).words;
        let newer = words
            .iter()
            .map(|word| (word.neighbour, word.stamp.value()));
        let older = of_base.map(|word| (word.key, Some(word.value)));
        let row = merged(newer, older, |(key, _)| key);
        row.filter_map(|(key, value)| Some(PolicyWord { key, value: value? }))
            .collect()
    }

    /// Returns the nodes whose rows have words, ascending. O(1) if there is no policy.
    pub(crate) fn nodes_with_policy(&self, scn: Scn) -> Vec<NodeIndex> {
        if self.has_no_policy() {
            return Vec::new();
        }
        let (policy, chains) = (self.base.policy(), &self.overlay.policy);
        let has_chain = |&node: &u32| {
            let node = NodeIndex::new(node);
            chains.is_touched(node) && chains.chain(node, scn).next().is_some()
        };
        let changed = (0..self.node_bound(scn)).filter(has_chain);
        let blocks = policy.nodes_with_blocks().iter().copied();
        let restrictions = policy.nodes_with_restrictions();
        let closed_lists = policy.nodes_with_closed_lists().iter().copied();
        let nodes = merged(changed, blocks, |node| node);
        let nodes = merged(nodes, restrictions, |node| node);
        let nodes = merged(nodes, closed_lists, |node| node).map(NodeIndex::new);
        nodes
            .filter(|&node| !self.policy_row(node, scn).is_empty())
            .collect()
    }

    /// Returns whether the node's restrictions hide it, if [`hides`](Self::hides) says otherwise.
    pub(crate) fn hides_otherwise(&self, node: NodeIndex, scn: Scn) -> Option<bool> {
        let hides = self.policy_row(node, scn).iter().any(PolicyWord::hides);
        (hides != self.hides(node, scn)).then_some(hides)
    }
}

impl Graph {
    /// Returns whether a restriction hides the node's member from everyone else. O(1), and a walk
    /// of the changes of the node's policy if there are any.
    #[must_use]
    pub fn is_restricted(&self, node: NodeIndex) -> bool {
        self.version().hides(node, self.scn())
    }

    /// Returns whom the node's member blocks and who blocks it, ascending by node.
    #[must_use]
    pub fn blocks(&self, node: NodeIndex) -> Vec<Block> {
        let block = |word: PolicyWord| match word.meaning()? {
            Meaning::Blocks(other, blocks) => Some(Block {
                other,
                blocks: blocks.blocks(),
                is_blocked: blocks.is_blocked(),
            }),
            _ => None,
        };
        let row = self.version().policy_row(node, self.scn());
        row.into_iter().filter_map(block).collect()
    }

    /// Returns the restrictions against the node's member, ascending by kind.
    #[must_use]
    pub fn restrictions(&self, node: NodeIndex) -> Vec<Restriction> {
        let restriction = |word: PolicyWord| match word.meaning()? {
            Meaning::Restriction(kind, ends_at) => Some(Restriction { kind, ends_at }),
            _ => None,
        };
        let row = self.version().policy_row(node, self.scn());
        row.into_iter().filter_map(restriction).collect()
    }

    /// Returns whether the list of connections of the node's member is closed.
    #[must_use]
    pub fn has_closed_list(&self, node: NodeIndex) -> bool {
        let value = self.version().policy_value(node, CLOSED_LIST, self.scn());
        value.is_some()
    }
}
