/** The programme that a visitor wanted to mark before signing in. It lasts as long as the tab. */
export interface Marked {
  id: string;
  seriesId: string;
  name: string;
}

const STORED = 'ktgg-mark-later';

/** Keeps the programme while the visitor signs in. */
export function markLater({ id, seriesId, name }: Marked): void {
  try {
    sessionStorage.setItem(STORED, JSON.stringify({ id, seriesId, name }));
  } catch {
    // Storage can be forbidden. The visitor then presses ♥ again.
  }
}

/** The programme that was kept, once. */
export function takeMarked(): Marked | undefined {
  try {
    const text = sessionStorage.getItem(STORED);
    sessionStorage.removeItem(STORED);
    const value: unknown = text === null ? undefined : JSON.parse(text);
    return isMarked(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMarked(value: unknown): value is Marked {
  if (typeof value !== 'object' || value === null) return false;
  const { id, seriesId, name } = value as Record<string, unknown>;
  return typeof id === 'string' && typeof seriesId === 'string' && typeof name === 'string';
}
