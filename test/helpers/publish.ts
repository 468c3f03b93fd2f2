import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { TestProject } from 'vitest/node'
import { installPackage, type Program, unpackBundle } from './published.ts'

/** Puts what is published, by the name of the project, where a user would have it; the tests start that then. */
export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), 'aifi-published-'))
  project.provide('program', await put(project.name, folder))
  return () => rmSync(folder, { recursive: true, force: true })
}

async function put(name: string, folder: string): Promise<Program> {
  if (name === 'package') return { command: (await installPackage(folder)).bin, args: [] }
  if (name === 'bundle') return { command: process.execPath, args: [(await unpackBundle(folder)).entryPoint] }
  throw new Error(`Nothing is published under the name "${name}".`)
}
