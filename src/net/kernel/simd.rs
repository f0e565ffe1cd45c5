//! One body, compiled for several instruction sets; the processor at hand decides which runs.

/// Functions `name<FMA>(…) = body`, where `body::<FMA>` is `#[inline(always)]`: FMA says whether a fused
/// multiply-add is an instruction.
macro_rules! multiversion {
    ($($(#[$doc:meta])* fn $name:ident<FMA>($($arg:ident: $type:ty),*) -> $result:ty = $body:ident;)*) => {$(
        $(#[$doc])*
        fn $name($($arg: $type),*) -> $result {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx2,fma")]
                fn avx512($($arg: $type),*) -> $result {
                    $body::<true>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) -> $result {
                    $body::<true>($($arg),*)
                }
                use std::arch::is_x86_feature_detected as has;
                let avx2_fma = has!("avx2") && has!("fma");
                if avx2_fma && has!("avx512f") && has!("avx512vl") && has!("avx512dq") {
                    // SAFETY: the processor has these instructions.
                    return unsafe { avx512($($arg),*) };
                }
                if avx2_fma {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            $body::<{ cfg!(target_arch = "aarch64") }>($($arg),*)
        }
    )*};
}
pub(crate) use multiversion;
