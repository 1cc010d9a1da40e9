//! The Rust client of The Cloud: typed calls, deadlines, errors.
//!
//! A [`Client`] sends reads, to the public listener or the admin listener. An [`Admin`] publishes
//! changes and reads the server's state on the admin listener. Both are handles on one connection,
//! and cheap to clone.
//! Every call sends its timeout to the server, which stops working on the call when the time is up.
//! The variants of [`Error`] tell what the caller can do.
//!
//! ```no_run
//! use cloud_client::{Admin, Client, DegreesOptions, Window};
//!
//! # async fn example() -> Result<(), cloud_client::Error> {
//! let client = Client::connect("127.0.0.1:50051").await?;
//! let options = DegreesOptions { shared_count: true, ..DegreesOptions::default() };
//! let page = client.degrees(42, &[7, 9, 11], options).await?;
//! for member in &page.degrees {
//!     println!("{}: {:?}, {:?} shared", member.member_id, member.degree(), member.shared_count);
//! }
//!
//! // Read your own writes: the answer to a change holds its SCN, and a read can wait for it.
//! let admin = Admin::connect("127.0.0.1:50052").await?;
//! let made = admin.publish(Window::of([cloud_client::connection_added(42, 7)])).await?;
//! let sizes = client.at_least(made.as_of).network_sizes(42, false).await?;
//! println!("{} at 1st degree, as of {:?}", sizes.first, sizes.as_of);
//! # Ok(())
//! # }
//! ```

pub use cloud_proto as proto;
pub use cloud_proto::cloud::v1::{ConnectionOrder, Degree};

mod address;
mod admin;
mod answer;
mod channel;
mod client;
mod error;
pub mod limits;
mod member_key;
mod part_order;
mod point;
mod publish;
mod request;
mod settings;
mod subscribe;
mod window;

pub use address::check_address;
pub use admin::{Admin, Published};
pub use answer::AnswerStream;
pub use client::{Client, DegreesOptions, Page, PathsOptions, SearchOptions, SuggestionsOptions};
pub use error::{Error, Failure, FieldViolation};
pub use member_key::member_id_of;
pub use point::{ParsePointError, Point};
pub use publish::{Acknowledgements, WindowSender};
pub use request::RequestTo;
pub use subscribe::{Event, Subscription};
pub use window::{Window, connection_added, connection_removed};
