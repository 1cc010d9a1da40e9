//! People search: the member index, the network filter, and the profiles.
