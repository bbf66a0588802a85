//! CPU time and memory of another process, from `/proc`.

use crate::Error;

/// Clock ticks a second, as Linux counts CPU time for user space.
const TICKS: f64 = 100.0;

/// Seconds of CPU used so far.
pub fn cpu(pid: u32) -> Result<f64, Error> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |index: usize| {
        fields.get(index).and_then(|field| field.parse::<f64>().ok()).ok_or("/proc/PID/stat is short")
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Resident memory in MiB.
pub fn rss(pid: u32) -> Result<f64, Error> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("/proc/PID/status has no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<f64>()? / 1024.0)
}
