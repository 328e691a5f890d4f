//! Writes the seeds of a target where libFuzzer looks for inputs.

use std::path::Path;

/// The variable that names the folder.
pub const VARIABLE: &str = "ACCREDIT_FUZZ_SEEDS";

/// Writes the seeds, if the variable is set.
pub fn write(seeds: fn() -> Vec<Vec<u8>>) {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        return;
    };
    for (number, seed) in seeds().into_iter().enumerate() {
        let file = Path::new(&folder).join(format!("seed-{number}"));
        std::fs::write(file, seed).expect("the folder of the seeds can be written");
    }
}
