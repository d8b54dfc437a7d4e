/**
 * Checks the rules of the architecture.
 *
 * - Floors: a module of `@coterie/core` imports only from its own room and from floors below it, types included.
 * - Circles: no modules of a package import each other in a circle, types included.
 * - Packages: a published source imports only packages that its package.json declares for users. Node's modules and
 *   each optional peer are imported only in the rooms that may need them. No other module imports these rooms, so that
 *   an application without Node, or without the peer, can load the rest.
 * - Viewer: only the viewer of the testkit imports the viewer, because it is bundled for a browser.
 * - Effect: it is imported module by module.
 * - Sources: no type is asserted twice, and a lint rule is disabled only with a written reason. The rules that keep
 *   ambient time and chance out of core are never disabled.
 *
 *     node scripts/check-architecture.ts
 */
import * as fs from "node:fs"
import { isBuiltin } from "node:module"
import * as path from "node:path"
import {
  type Import,
  isNode,
  listSources,
  type Node,
  nodes,
  parse,
  type Problem,
  readImports,
  report,
} from "./lib/source.ts"

/**
 * Rooms of `@coterie/core` by floor, from the lowest floor up, with the folders and modules of `src` of each room.
 * Rooms on one floor do not import each other. A module directly in `src` that is in no room is a seam or a value that
 * applications share with the rooms above.
 */
const floors: ReadonlyArray<{ readonly [room: string]: ReadonlyArray<string> }> = [
  { internal: ["internal"] },
  { seams: [] },
  { protocol: ["protocol"] },
  { wire: ["wire"], flow: ["flow"], membership: ["membership"] },
  {
    policies: [
      "Admission.ts",
      "Discovery.ts",
      "FailureDetector.ts",
      "Gossip.ts",
      "Reconnect.ts",
      "TopicSerialization.ts",
    ],
  },
  { link: ["link"] },
  { peering: ["peering"] },
  { messaging: ["messaging"] },
  { cluster: ["cluster", "Cluster.ts", "Inspection.ts", "Probe.ts"] },
  { topic: ["Topic.ts"] },
  { trace: ["trace", "ClusterTrace.ts"] },
  { index: ["index.ts"] },
]

/** Rooms that must not import a room below them. A link carries frames and decides nothing about members. */
const strangers: { readonly [room: string]: ReadonlyArray<string> } = {
  link: ["membership"],
}

interface Room {
  readonly name: string
  readonly floor: number
}

/** Returns the room of a module, given by its path in `src`, or `undefined` for a folder without a room. */
const roomOf = (module: string): Room | undefined => {
  const part = module.split("/")[0] ?? module
  for (const [floor, rooms] of floors.entries()) {
    for (const [name, parts] of Object.entries(rooms)) if (parts.includes(part)) return { name, floor }
  }
  return module.includes("/") ? undefined : { name: "seams", floor: floors.findIndex((rooms) => "seams" in rooms) }
}

/** Returns the imports of a module of core, given by its path in `src`, that break the floors. Type imports count. */
export const checkFloors = (module: string, imports: ReadonlyArray<Import>): ReadonlyArray<Problem> => {
  const file = `packages/core/src/${module}`
  const room = roomOf(module)
  if (room === undefined) {
    return [
      { file, line: 1, message: "this folder has no floor; add it to the floors in scripts/check-architecture.ts" },
    ]
  }
  return imports.flatMap(({ specifier, line }): ReadonlyArray<Problem> => {
    if (/^@coterie\/core(\/|$)/.test(specifier))
      return [{ file, line, message: "core must import itself by relative paths" }]
    if (!specifier.startsWith(".")) return []
    const target = path.posix.join(path.posix.dirname(module), specifier)
    if (target.startsWith("..")) return [{ file, line, message: `"${specifier}" is outside of src` }]
    const other = roomOf(target)
    const isAllowed =
      other !== undefined &&
      (other.name === room.name || other.floor < room.floor) &&
      strangers[room.name]?.includes(other.name) !== true
    if (isAllowed) return []
    const what = `${room.name} must not import ${other?.name ?? "a folder without a floor"} ("${specifier}")`
    return [{ file, line, message: `${what}: it may import only its own room and the floors below` }]
  })
}

/**
 * Returns the circles among the modules of one package, each once. `imports` maps the path of a module to the paths
 * that it imports, types included.
 */
export const findCircles = (
  imports: ReadonlyMap<string, ReadonlyArray<string>>,
): ReadonlyArray<ReadonlyArray<string>> => {
  const circles: Array<ReadonlyArray<string>> = []
  const done = new Set<string>()
  const visit = (module: string, way: ReadonlyArray<string>): void => {
    const start = way.indexOf(module)
    if (start >= 0) circles.push(way.slice(start))
    if (start >= 0 || done.has(module)) return
    for (const next of imports.get(module) ?? []) visit(next, [...way, module])
    done.add(module)
  }
  for (const module of imports.keys()) visit(module, [])
  return circles
}

/** Fields of a package.json that concern imports. */
export interface Manifest {
  readonly name: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** Paths in `src`. Folders end in a slash, and the empty path stands for all of `src`. */
type Rooms = ReadonlyArray<string>

/**
 * Rooms that need Node, by package. The simulation runs everywhere. Modules that start processes, read files or use the
 * process of a test runner need Node.
 */
const nodeRooms: { readonly [name: string]: Rooms } = {
  "@coterie/admin": ["AdminNode.ts", "cli/", "node/"],
  "@coterie/node-transport": [""],
  "@coterie/testkit": ["cli/", "node/", "vitest.ts"],
}

/** Rooms that need an optional peer, by package and peer. A peer that is not listed must not be imported. */
const peerRooms: { readonly [name: string]: { readonly [peer: string]: Rooms } } = {
  "@coterie/admin": {
    // Only `cli/probe.ts` imports it, and `cli/command.ts` loads that module on demand.
    "@coterie/node-transport": ["cli/"],
    "@effect/platform-node": ["AdminNode.ts", "cli/", "node/"],
  },
  "@coterie/testkit": {
    "@effect/platform-node": ["cli/"],
    "@effect/vitest": ["TransportContract.ts", "contract/", "vitest.ts"],
    vitest: ["vitest.ts"],
  },
}

const isIn = (rooms: Rooms | undefined, module: string): boolean =>
  (rooms ?? []).some((room) => (room === "" || room.endsWith("/") ? module.startsWith(room) : module === room))

/** Returns `true` if the module, given by its path in `src`, needs Node. */
const isForNode = (name: string, module: string): boolean => isIn(nodeRooms[name], module)

/** Returns the optional peers that the module, given by its path in `src`, may import. */
const peersOf = (name: string, module: string): ReadonlyArray<string> =>
  Object.entries(peerRooms[name] ?? {}).flatMap(([peer, rooms]) => (isIn(rooms, module) ? [peer] : []))

/** Returns the name of the package in a specifier. */
const packageOf = (specifier: string): string =>
  specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/")

/** Returns the forbidden imports of a published source, given by its path in `src`. */
export const checkPackage = (
  file: string,
  manifest: Manifest,
  imports: ReadonlyArray<Import>,
  module = path.posix.basename(file),
): ReadonlyArray<Problem> => {
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
  const forNode = isForNode(manifest.name, module)
  const peers = peersOf(manifest.name, module)
  return imports.flatMap(({ specifier, line }) => {
    if (specifier.startsWith(".")) {
      if (!specifier.endsWith(".ts")) return [{ file, line, message: `"${specifier}" needs its extension .ts` }]
      const target = path.posix.join(path.posix.dirname(module), specifier)
      if (!forNode && isForNode(manifest.name, target)) {
        return [{ file, line, message: `"${specifier}" is for Node, and what imports it must be for Node as well` }]
      }
      const missing = peersOf(manifest.name, target).filter((peer) => !peers.includes(peer))
      if (missing.length === 0) return []
      return [{ file, line, message: `"${specifier}" needs ${missing.join(" and ")}, which this module must not need` }]
    }
    if (isBuiltin(specifier)) {
      return forNode ? [] : [{ file, line, message: `${file} runs everywhere and must not import "${specifier}"` }]
    }
    // The specifier is computed: the command loads the file of its argument.
    if (specifier === "") {
      return forNode ? [] : [{ file, line, message: "write the specifier as a literal, so that it can be checked" }]
    }
    if (specifier === "effect")
      return [{ file, line, message: `import "effect/Module" instead of the barrel "effect"` }]
    const name = packageOf(specifier)
    if (name === manifest.name) return []
    if (!declared.has(name))
      return [{ file, line, message: `"${name}" is not a dependency or peer of ${manifest.name}` }]
    return peers.includes(name) || manifest.peerDependenciesMeta?.[name]?.optional !== true
      ? []
      : [{ file, line, message: `"${name}" is an optional peer of ${manifest.name} and may be missing here` }]
  })
}

/** Folder in the sources of the testkit that is bundled into `picture/viewerScript.ts` and not published. */
const viewer = "picture/viewer/"

/**
 * Checks that only the viewer imports the viewer. Its modules run in a browser and are not in the published package.
 * `scripts/build-viewer.ts` checks the imports of the viewer. `module` is a path in `src` of the testkit.
 */
export const checkViewer = (module: string, imports: ReadonlyArray<Import>): ReadonlyArray<Problem> =>
  imports.flatMap(({ specifier, line }) => {
    const target = path.posix.join(path.posix.dirname(module), specifier)
    if (!specifier.startsWith(".") || !target.startsWith(viewer) || module.startsWith(viewer)) return []
    const message = `"${specifier}" is bundled for a browser, and only the viewer imports it`
    return [{ file: `packages/testkit/src/${module}`, line, message }]
  })

/** Lint rules that the simulation relies on. */
const neverDisabled = /no-restricted-(globals|properties)|no-nodejs-modules/

/** Returns the forbidden type assertions and disabled lint rules of a source. */
export const checkSource = (file: string, text: string): ReadonlyArray<Problem> => {
  const { program, comments, lineAt } = parse(file, text)
  const problems: Array<Problem> = []
  for (const { value, start } of comments) {
    if (!/^\s*(ox|es)lint-disable/.test(value)) continue
    if (neverDisabled.test(value)) {
      problems.push({
        file,
        line: lineAt(start),
        message: "the simulation relies on this lint rule; do not disable it",
      })
    } else if (!/ -- \S/.test(value)) {
      problems.push({ file, line: lineAt(start), message: "say why the lint is off: `-- reason` after the rule" })
    }
  }
  const visit = (node: Node): void => {
    if (node.type === "TSAsExpression" && isNode(node["expression"]) && node["expression"].type === "TSAsExpression") {
      problems.push({ file, line: lineAt(node.start), message: "do not assert a type twice" })
    }
    for (const child of Object.values(node)) for (const each of nodes(child)) visit(each)
  }
  visit(program)
  return problems
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, "..")
  const read = (file: string) => fs.readFileSync(path.join(root, file), "utf8")
  const problems: Array<Problem> = []
  const packages = fs.readdirSync(path.join(root, "packages")).map((folder) => `packages/${folder}`)
  for (const folder of packages) {
    const manifest: Manifest = JSON.parse(read(`${folder}/package.json`))
    const modules = new Map<string, ReadonlyArray<string>>()
    for (const module of listSources(path.join(root, folder, "src"))) {
      const file = `${folder}/src/${module}`
      const imports = readImports(file, read(file))
      problems.push(...checkPackage(file, manifest, imports, module))
      if (folder === "packages/core") problems.push(...checkFloors(module, imports))
      if (folder === "packages/testkit") problems.push(...checkViewer(module, imports))
      const targets = imports.filter(({ specifier }) => specifier.startsWith("."))
      modules.set(
        module,
        targets.map(({ specifier }) => path.posix.join(path.posix.dirname(module), specifier)),
      )
    }
    for (const circle of findCircles(modules)) {
      const message = `these modules import each other in a circle: ${circle.join(" -> ")}`
      problems.push({ file: `${folder}/src/${circle[0] ?? ""}`, line: 1, message })
    }
  }
  const sources = [...packages.flatMap((folder) => [`${folder}/src`, `${folder}/test`]), "examples", "scripts"].flatMap(
    (folder) => listSources(path.join(root, folder)).map((name) => `${folder}/${name}`),
  )
  for (const file of sources) problems.push(...checkSource(file, read(file)))
  report("architecture", sources.length, problems)
}
