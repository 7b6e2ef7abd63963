import type { Project } from '@/api/types';

/** The name of a portal as people know it. */
export function sourceName(name: string, names: Readonly<Record<string, string>>): string {
  return names[name] ?? name;
}

/** The address of an announcement, if a browser can open it: imported text is not trusted. */
export function linkOf(link: string | null | undefined): string | undefined {
  if (!link) return undefined;
  try {
    const url = new URL(link);
    return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** The page says 출처 itself, once for all lines. */
const LABEL = /^출처\s*:\s*/u;

/** Where these programmes were imported from, each once: the line that the licence requires. */
export function sourcesOf(
  programmes: readonly Pick<Project, 'source'>[],
  names: Readonly<Record<string, string>>,
): string[] {
  const lines = programmes.flatMap(({ source }) =>
    source ? [source.line?.replace(LABEL, '') ?? sourceName(source.name, names)] : [],
  );
  return [...new Set(lines)];
}
