//! What a sampling run asks the allocator for: its tensors' memory is used again, and an evaluation holds what the list of
//! its layers says.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use burn::{Tensor, tensor::Device};
use scorefield::{
    model::Model,
    sampler::{Sampler, SamplerKind, Settings},
};

/// Bytes asked for, and the most at once.
static BYTES: AtomicUsize = AtomicUsize::new(0);
static LARGEST: AtomicUsize = AtomicUsize::new(0);
/// Bytes that are held, and the most of them.
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// The counters are one test's at a time.
static TURN: Mutex<()> = Mutex::new(());

struct Counting;

// SAFETY: the system's allocator, beside counters.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        PEAK.fetch_max(HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_steady_state_of_a_run_asks_for_no_tensors_memory() {
    const N: usize = 16;
    let _turn = TURN.lock();
    let bytes = std::fs::read("web/models/fashion.safetensors").expect("the shipped model is in the repository");
    let device = Device::flex();
    let model = Model::from_bytes("fashion", &bytes, &device).expect("it is a good file");
    for (sampler, guidance) in
        [(SamplerKind::Heun, 2.0), (SamplerKind::Dpmpp2m, 1.0), (SamplerKind::EulerMaruyama, 1.0)]
    {
        let settings = Settings { sampler, steps: Some(20), n: N, ..Settings::default() };
        let score = model.score(&[Some(3); N], guidance, &device).expect("there is a class 3");
        let mut sampler =
            Sampler::new(&model.plan(&settings).expect("the settings are good"), &device).expect("it starts");
        let steps = |sampler: &mut Sampler, count| {
            for _ in 0..count {
                sampler.step(&*score).expect("the sampler runs").expect("a step");
            }
        };
        steps(&mut sampler, 4);
        // How tasks fall on threads is chance, and with it how many pieces are held at once: the steady state is the best of
        // some stretches.
        let stretch = |sampler: &mut Sampler| {
            let before = (BYTES.swap(0, Ordering::Relaxed), LARGEST.swap(0, Ordering::Relaxed), sampler.nfe());
            steps(sampler, 3);
            let evaluations = (sampler.nfe() - before.2) as usize;
            (LARGEST.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed) / evaluations)
        };
        let (largest, bytes) = (0..5).map(|_| stretch(&mut sampler)).min().expect("five stretches");
        println!("{:?}: {bytes} bytes per evaluation, the most at once {largest}", settings.sampler);
        // A sample's smallest activation has 7·7·96 values: no piece is one sample's, and all pieces together are less than
        // one layer's of the batch. What is left, 40 to 70 kB, are tensors' handles, rows of embeddings and lists of tasks.
        let activation = 4 * 7 * 7 * 96;
        assert!(largest < activation, "{largest} bytes at once");
        assert!(bytes < N * activation, "{bytes} bytes per evaluation");
    }
}

/// The count is of every layer's result from the layer itself to the last that takes it. The CPU's kernels take some layers
/// at once; and what is no longer held is kept for results of the same size, of which there are six here, each the widest
/// at another place: 2.5 times the count as measured. (What is kept is limited by itself.)
#[test]
fn an_evaluation_holds_the_activations_that_are_said_of_it() {
    const N: usize = 64;
    let _turn = TURN.lock();
    let bytes = std::fs::read("web/models/fashion.safetensors").expect("the shipped model is in the repository");
    let device = Device::flex();
    let model = Model::from_bytes("fashion", &bytes, &device).expect("it is a good file");
    let level = model.level(0.5).expect("a time");
    let evaluate = |n: usize| {
        let score = model.score(&vec![Some(3); n], 1.0, &device).expect("there is a class 3");
        let x = Tensor::zeros([n, model.dim()], &device);
        let before = HELD.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let _ = score.score(x, &level).into_data();
        PEAK.load(Ordering::Relaxed) - before
    };
    // What is kept of the weights, once.
    evaluate(1);
    let architecture = &model.network().expect("a network").manifest().architecture;
    let (held, said) = (evaluate(N), 4 * N * architecture.activations() as usize);
    println!("{held} bytes held, {said} said");
    assert!((said / 2..3 * said).contains(&held), "{held} bytes held, {said} said");
}
