//! The sizes of a convolution.

/// The sizes of a convolution: `n` images of `h`×`w` pixels, `c` channels in, `o` out, an odd `k`×`k` kernel.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub n: usize,
    pub h: usize,
    pub w: usize,
    pub c: usize,
    pub o: usize,
    pub k: usize,
}

impl Shape {
    /// Whether Winograd's transforms are worth their while: not for a stem of few channels.
    pub fn winograd(self) -> bool {
        self.k == 3 && self.c >= 8 && self.o >= 4
    }
}
