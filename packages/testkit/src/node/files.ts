/** Writes a failure to files: the artifact, which a replay reads, and the picture. */
import * as fs from "node:fs"
import * as path from "node:path"
import * as Artifact from "../Artifact.ts"
import type { Found } from "../Swarm.ts"
import * as Trace from "../Trace.ts"

/** Paths of the written files. A path is relative to the working directory if the file is below it. */
export interface Files {
  readonly artifact: string
  readonly picture: string
}

export interface Options {
  /** Folder of the files. Defaults to {@link defaultDir}. */
  readonly dir?: string | undefined
  /** Returns the command that the picture shows for a replay, given the path of the artifact. */
  readonly replay?: ((artifact: string) => string) | undefined
}

/** Default folder of the files. Its name begins with a dot, as the folders of other tools do. */
export const defaultDir = ".coterie/sim"

/** Maximum number of characters of a slug. Most file systems allow 255 bytes for the name of a file. */
const maxSlug = 60

/** Turns the name of a scenario into a name that is valid on all file systems. */
export const slug = (name: string): string => {
  const plain = name
    .normalize("NFC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
  // Cuts by characters, because half of a surrogate pair is not valid text.
  const short = [...plain]
    .slice(0, maxSlug)
    .join("")
    .replaceAll(/^-+|-+$/g, "")
  return short === "" ? "scenario" : short
}

/** Returns the path to show: relative if the file is below the working directory, otherwise absolute. */
export const shown = (file: string): string => {
  const relative = path.relative(process.cwd(), file)
  const outside = relative === ".." || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative)
  return relative === "" || outside ? path.resolve(file) : relative
}

/** Returns the page that shows a trace and its failure. */
export const picture = (artifact: Artifact.Artifact, trace: Trace.Trace, replay: string | undefined): string =>
  Trace.toHtml(trace, {
    title: artifact.scenario,
    failure: `${artifact.failure._tag}: ${artifact.failure.message}`,
    replay,
    sentences: artifact.sentences,
  })

/**
 * Writes the artifact and the picture. Creates the folder if it does not exist, and overwrites the files of an earlier
 * failure of the same scenario and seed.
 */
export const write = ({ artifact, trace }: Pick<Found, "artifact" | "trace">, options: Options = {}): Files => {
  const dir = path.resolve(options.dir ?? defaultDir)
  const base = path.join(dir, `${slug(artifact.scenario)}-${artifact.seed}`)
  const files: Files = { artifact: shown(`${base}.json`), picture: shown(`${base}.html`) }
  fs.mkdirSync(dir, { recursive: true })
  fs.writeFileSync(`${base}.json`, Artifact.encode(artifact))
  fs.writeFileSync(`${base}.html`, picture(artifact, trace, options.replay?.(files.artifact)))
  return files
}
