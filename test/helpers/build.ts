import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { TestProject } from 'vitest/node'
import { root } from './repository.ts'

/** Builds dist/ before any test runs, and again before they rerun, if it is missing or older than what it is built from. */
export function setup(project: TestProject): void {
  buildIfStale()
  project.onTestsRerun(async () => buildIfStale())
}

function buildIfStale(): void {
  const built = statSync(join(root, 'dist', 'index.js'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const newest = Math.max(...['src', 'scripts', 'package.json'].flatMap(changedAt))
  if (built < newest) execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs')], { stdio: 'inherit' })
}

function changedAt(name: string): number[] {
  const path = join(root, name)
  const stat = statSync(path)
  if (stat.isFile()) return [stat.mtimeMs]
  const entries = readdirSync(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs)
}
