// The command line, as the tests run it.

/** Program and first arguments: SCOREFIELD_BIN, or what cargo has built. */
export function command() {
  const binary = process.env.SCOREFIELD_BIN;
  return binary ? [binary, []] : ['cargo', ['run', '--release', '--quiet', '--']];
}
