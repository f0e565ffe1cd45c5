//! One body, compiled for several instruction sets; the processor at hand decides which runs.

/// The instruction sets that bodies are compiled for beside the target's own.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub enum Set {
    Avx512,
    Avx2,
    Base,
}

#[cfg(target_arch = "x86_64")]
#[inline]
pub fn instructions() -> Set {
    use std::arch::is_x86_feature_detected as has;
    if !(has!("avx2") && has!("fma")) {
        return Set::Base;
    }
    if has!("avx512f") && has!("avx512vl") && has!("avx512dq") { Set::Avx512 } else { Set::Avx2 }
}

/// Functions `name<FMA, LANES>(…) = body`, where `body::<FMA, LANES>` is `#[inline(always)]`: FMA says whether a fused
/// multiply-add is an instruction, LANES how many floats a register holds.
macro_rules! multiversion {
    ($($(#[$doc:meta])* fn $name:ident<FMA, LANES>($($arg:ident: $type:ty),*) -> $result:ty = $body:ident;)*) => {$(
        $(#[$doc])*
        fn $name($($arg: $type),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
                fn avx512($($arg: $type),*) -> $result {
                    $body::<true, 16>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) -> $result {
                    $body::<true, 8>($($arg),*)
                }
                use $crate::compute::kernels::cpu::simd::{Set, instructions};
                match instructions() {
                    // SAFETY: the processor has these instructions.
                    Set::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    Set::Avx2 => return unsafe { avx2($($arg),*) },
                    Set::Base => {}
                }
            }
            $body::<{ cfg!(target_arch = "aarch64") }, 4>($($arg),*)
        }
    )*};
}
pub(crate) use multiversion;
