//! Order only: knows neither YAML nor stages, just numbered nodes and who comes before whom.

pub mod draw;
pub mod fold;
pub mod order;
