//! Everything that changed since a base: the chains of connections and of existence, those of
//! policy, and the members that the base does not have.

use crate::overlay::{chains::Chains, new_members::NewMembers};

/// The changes of one version.
pub(crate) struct Overlay {
    /// Connections, and whether members exist.
    pub(crate) graph: Chains,
    /// Who may not see whom; `policy_at.rs` says what its entries mean.
    pub(crate) policy: Chains,
    pub(crate) new_members: NewMembers,
}

impl Overlay {
    pub(crate) fn new(base_nodes: u32) -> Self {
        Self {
            graph: Chains::new(base_nodes),
            policy: Chains::new(base_nodes),
            new_members: NewMembers::new(),
        }
    }

    /// Returns the number of nodes of the base below this overlay.
    pub(crate) fn base_nodes(&self) -> u32 {
        self.graph.base_nodes()
    }

    /// Returns an upper bound of the memory in use.
    pub(crate) fn bytes(&self) -> u64 {
        let new_members = self.new_members.count();
        let chains = self.graph.bytes(new_members) + self.policy.bytes(new_members);
        chains + self.new_members.bytes()
    }
}
