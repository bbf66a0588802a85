//! The load of `./tests/bench`: the raw ceiling of an API server, and sagas beside it, in one run.
//!
//! Talks to the API server of a kubeconfig, which the bench has started on loopback for this purpose. Bounded in count and time.

mod ceiling;
mod process;
mod sagas;
mod server;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// Sagas of 3 and of 5 steps beside the raw ceiling.
#[derive(Parser)]
struct Args {
    /// Kubeconfig of the API server
    #[arg(long)]
    kubeconfig: PathBuf,
    /// Base URL of the worker
    #[arg(long)]
    worker: String,
    /// Process id of the operator
    #[arg(long)]
    operator: u32,
    /// Sagas in each round
    #[arg(long, default_value_t = 400)]
    sagas: usize,
    /// Rounds; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement of the ceiling
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Ratio wanted: a bound that the ratio is compared with in the table
    #[arg(long, default_value_t = 0.6)]
    wanted: f64,
}

/// Anything that ends a bench.
type Error = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the answer of a command")]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is the answer of a command")]
async fn run(args: Args) -> Result<(), Error> {
    // A second provider can't be there: this is the first thing that the process does.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let kubeconfig = Kubeconfig::read_from(&args.kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    let client = Client::try_from(config)?;
    let mut ceilings = Vec::new();
    let mut rounds: Vec<[sagas::Round; 2]> = Vec::new();
    sagas::prepare(&client, &args.worker).await?;
    println!(
        "| round | what | per second | writes/s | writes per saga | step p50 ms | step p99 ms | operator CPU s | operator RSS MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for round in 1..=args.rounds {
        let ceiling = ceiling::best(&client, Duration::from_secs(args.seconds)).await?;
        println!(
            "| {round} | raw status merge patches, {} clients | {:.0} | {:.0} | | | | | |",
            ceiling.clients, ceiling.writes, ceiling.writes
        );
        let mut pair = Vec::new();
        for steps in [3, 5] {
            let done = sagas::round(&client, steps, args.sagas, args.operator).await?;
            println!(
                "| {round} | sagas of {steps} steps | {:.1} | {:.0} | {:.2} | {:.1} | {:.1} | {:.2} | {:.1} |",
                done.sagas,
                done.writes,
                done.writes_per_saga,
                done.step_p50,
                done.step_p99,
                done.cpu,
                done.rss
            );
            pair.push(done);
        }
        ceilings.push(ceiling.writes);
        rounds.push(<[sagas::Round; 2]>::try_from(pair).map_err(|_| "a round has two measurements")?);
    }
    let ceiling = median(ceilings);
    let ratios = [0, 1].map(|which| median(rounds.iter().map(|pair| pair[which].writes).collect()) / ceiling);
    println!();
    println!(
        "median ceiling {ceiling:.0} writes/s; saga writes over it: 3 steps {:.2}, 5 steps {:.2}; wanted {:.2}",
        ratios[0], ratios[1], args.wanted
    );
    println!("ratio={:.3}", ratios[0].min(ratios[1]));
    Ok(())
}

/// The middle one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
