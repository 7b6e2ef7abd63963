import type { LiveEvent } from '@/live/events';
import { sentenceOf } from '@/live/sentences';
import { session } from '@/session/session';
import { language } from '@/texts/texts';
import { salesmanTexts } from './texts';

/** What happened to a row, to the person it happened for: a match with oneself is news of work. */
export function liveWords(event: LiveEvent): string | undefined {
  const me = session.value?.id;
  const isMine =
    event.type === 'SalesmanMatched' && (event.salesman?.id === me || event.consultant?.id === me);
  return isMine ? salesmanTexts[language.value].justAssigned : sentenceOf(event);
}
