//! Whole lives of a store under a clock that tests move.

mod life;
mod many;
mod saving;
mod scripted;
mod sequences;
