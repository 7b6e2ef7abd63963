import type { ApiError } from '@/api/problem';
import { formatDuration } from '@/texts/format';
import type { consultationTexts } from './texts';

/** Why a write was refused, where no field and no state explains it better. */
export function refusalOf(error: ApiError, t: (typeof consultationTexts)['ko']): string {
  if (error.isUnreachable) return t.offline;
  if (error.status === 429) {
    return error.retryAfter ? t.waitFor(formatDuration(error.retryAfter * 1_000)) : t.tooOften;
  }
  if (error.status >= 500) return t.ours;
  return error.detail ?? error.title;
}
