/**
 * Pages of the documentation site, in the order of the reader. The sidebar is made from this list, and `pnpm check:docs` fails if a page
 * of docs has no place in it, or if a page of it does not exist.
 */

/** A page: its text in the sidebar, and its file from the root of the repository. */
export interface Page {
  readonly text: string
  readonly file: string
  readonly pages?: ReadonlyArray<Page>
  /** Folder whose remaining pages follow this page in the order of their names. */
  readonly folder?: string
}

/** A part of the sidebar. */
export interface Section {
  readonly text: string
  readonly pages: ReadonlyArray<Page>
}

/** Sections before the reference of the API. */
export const guide: Section = {
  text: "Guide",
  pages: [
    { text: "Introduction", file: "docs/index.md" },
    { text: "Getting started", file: "docs/getting-started.md" },
    {
      text: "Recipes",
      file: "docs/recipes/index.md",
      pages: [
        { text: "Presence", file: "docs/recipes/presence.md" },
        { text: "Cache invalidation", file: "docs/recipes/cache-invalidation.md" },
        { text: "Socket routing", file: "docs/recipes/socket-routing.md" },
        { text: "One owner of a job", file: "docs/recipes/job-owner.md" },
        { text: "Feature flag", file: "docs/recipes/feature-flag.md" },
        { text: "Requests to peers", file: "docs/recipes/requests.md" },
        { text: "Configuration", file: "docs/recipes/configuration.md" },
      ],
    },
    { text: "The Cluster service", file: "docs/cluster.md" },
    { text: "Membership", file: "docs/membership.md" },
    { text: "Messages", file: "docs/messages.md" },
    { text: "Requests", file: "docs/requests.md" },
    { text: "Reactivity", file: "docs/reactivity.md" },
    { text: "Effect's cluster engine", file: "docs/effect-cluster.md" },
    { text: "Shared state", file: "docs/state.md" },
    { text: "Testing", file: "docs/testing.md" },
    { text: "Policies", file: "docs/policies.md" },
    { text: "Operations", file: "docs/operations.md" },
    { text: "The admin service", file: "docs/admin.md" },
    { text: "Metrics", file: "docs/metrics.md" },
    { text: "Deployment", file: "docs/deploy.md" },
    { text: "Security", file: "docs/security.md" },
    { text: "Performance", file: "docs/performance.md" },
    { text: "Failure detection measured", file: "docs/detection.md" },
    { text: "Scale", file: "docs/scale.md" },
    { text: "Glossary", file: "docs/glossary.md" },
  ],
}

/** Sections after the reference of the API. */
export const maintainers: Section = {
  text: "Maintainers",
  pages: [
    { text: "Protocol", file: "docs/protocol.md" },
    { text: "Decisions", file: "docs/decisions/README.md", folder: "docs/decisions" },
    { text: "Guarantees and tests", file: "docs/guarantees.md" },
    { text: "Compatibility", file: "docs/compatibility.md" },
    { text: "Contributing", file: "CONTRIBUTING.md" },
  ],
}
