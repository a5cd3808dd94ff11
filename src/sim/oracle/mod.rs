//! What became of each file, judged from outside by one who knows the truth.

pub mod integrity;
