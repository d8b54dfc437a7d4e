/** Rules about published packages. Each function returns a sentence for each violated rule. */
import type { Pack, PublishedManifest } from "./packs.ts"

/** Files that every package contains. */
const wanted = [
  "package.json",
  "AGENTS.md",
  "README.md",
  "CHANGELOG.md",
  "LICENSE",
  "src/index.ts",
  "dist/index.js",
  "dist/index.d.ts",
]

/** Files for the development of a package, which a tarball must not contain. */
const unwanted = /(^|\/)test\/|\.test\.|tsbuildinfo|tsconfig/

/** Returns the problems of the list of files in a tarball. */
export const fileProblems = (files: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...wanted.filter((file) => !files.includes(file)).map((file) => `it lacks ${file}`),
  ...files.filter((file) => unwanted.test(file)).map((file) => `it contains ${file}`),
]

/** Values that all published packages share. */
export interface Shared {
  readonly version: string
  /** URL in `repository`. */
  readonly repository: string
  /** Supported versions of Node. */
  readonly node: string
}

const rangeProblems = ({ dependencies, peerDependencies }: PublishedManifest, version: string): ReadonlyArray<string> =>
  [...Object.entries(dependencies ?? {}), ...Object.entries(peerDependencies ?? {})].flatMap(([name, range]) => {
    if (/^(workspace|link|file):/.test(range))
      return [`its range of ${name} is ${range}, which registries do not support`]
    if (!name.startsWith("@coterie/") || range === `^${version}`) return []
    return [`its range of ${name} is ${range} instead of ^${version}`]
  })

/** Returns the problems of the package.json in a tarball. */
export const manifestProblems = (
  manifest: PublishedManifest,
  folder: string,
  shared: Shared,
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const expect = (holds: boolean, problem: string): void => void (holds || problems.push(problem))
  const { repository, publishConfig, keywords } = manifest
  expect(manifest.version === shared.version, `its version is ${manifest.version} instead of ${shared.version}`)
  expect(manifest.private !== true, "it is private")
  expect(manifest.type === "module", `its type is not "module"`)
  expect((manifest.description ?? "") !== "", "it has no description")
  expect((keywords ?? []).length > 0, "it has no keywords")
  expect((manifest.homepage ?? "") !== "", "it has no homepage")
  expect((manifest.bugs ?? "") !== "", "it does not say where to report bugs")
  expect(manifest.license === "MIT", "its license is not MIT")
  expect(manifest.sideEffects === false, "its sideEffects is not false")
  expect(manifest.engines?.node === shared.node, `its engines.node is not ${shared.node}`)
  expect(repository?.url === shared.repository, `its repository is not ${shared.repository}`)
  expect(repository?.directory === folder, `its repository.directory is not ${folder}`)
  expect(publishConfig?.access === "public", "its publishConfig.access is not public")
  expect(publishConfig?.provenance === true, "its publishConfig.provenance is not true")
  const targets = Object.entries(manifest.exports ?? {}).filter(([, target]) => target !== null)
  expect(targets.length > 0, "it exports nothing")
  for (const [entry, target] of targets) {
    const isBuilt = entry === "./package.json" || target?.startsWith("./dist/") === true
    expect(isBuilt, `its export ${entry} is ${target}, which is not a built file`)
  }
  return [...problems, ...rangeProblems(manifest, shared.version)]
}

/** Returns the problems of all tarballs of a release, each with the name of the package. */
export const packProblems = (packs: ReadonlyArray<Pack>, shared: Omit<Shared, "version">): ReadonlyArray<string> => {
  const version = packs[0]?.manifest.version ?? ""
  return packs.flatMap(({ files, folder, manifest }) =>
    [...fileProblems(files), ...manifestProblems(manifest, folder, { ...shared, version })].map(
      (problem) => `${manifest.name}: ${problem}`,
    ),
  )
}
