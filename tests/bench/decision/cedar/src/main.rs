// cedarbench FOLDER N: nanoseconds of warm authorizations against FOLDER/N.cedar, one a line.
use cedar_policy::*;
use std::{env, fs, str::FromStr, time::Instant};

fn main() {
    let args: Vec<String> = env::args().collect();
    let read = |name: &str| fs::read_to_string(format!("{}/{}", args[1], name)).unwrap();
    let entities = Entities::from_json_str(&read("entities.json"), None).unwrap();
    let policies = PolicySet::from_str(&read(&format!("{}.cedar", args[2]))).unwrap();
    let context =
        Context::from_json_str(r#"{"loss":5,"fec":3,"util":70,"step":5}"#, None).unwrap();
    let request = Request::new(
        r#"Agent::"agent3""#.parse().unwrap(),
        r#"Action::"link.down""#.parse().unwrap(),
        r#"Link::"eth1""#.parse().unwrap(),
        context,
        None,
    )
    .unwrap();
    let authorizer = Authorizer::new();
    for _ in 0..200 {
        let start = Instant::now();
        let answer = authorizer.is_authorized(&request, &policies, &entities);
        let spent = start.elapsed().as_nanos();
        assert!(answer.decision() == Decision::Allow);
        println!("{spent}");
    }
}
