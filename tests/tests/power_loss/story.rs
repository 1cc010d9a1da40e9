//! The history of a site: its windows in order, and the oracle after each of them.

use cloud_proto::databus::v1::WindowPart;
use cloud_tests::history::{self, Shape};
use cloud_tests::model::Model;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// The windows of one source. The n-th has SCN n.
pub(crate) struct Story {
    pub(crate) ids: Vec<u64>,
    windows: Vec<WindowPart>,
    /// The model at each SCN, from 0 on.
    models: Vec<Model>,
}

impl Story {
    pub(crate) fn new(members: usize, windows: u64, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut model = history::site(Shape::Uniform, members, &mut random);
        let ids: Vec<u64> = model.members().map(|(id, _)| id).collect();
        let mut models = vec![model.clone()];
        let windows = (1..=windows).map(|scn| {
            let mut window = history::window(&ids, &mut random);
            window.source_id = String::from("core");
            window.source_offset = scn * 10;
            model.apply_window(&window);
            models.push(model.clone());
            window
        });
        let windows = windows.collect();
        Self {
            ids,
            windows,
            models,
        }
    }

    /// Returns the site before any change.
    pub(crate) fn beginning(&self) -> &Model {
        &self.models[0]
    }

    pub(crate) fn window(&self, scn: u64) -> WindowPart {
        self.windows[scn as usize - 1].clone()
    }

    pub(crate) fn at(&self, scn: u64) -> &Model {
        &self.models[scn as usize]
    }
}
