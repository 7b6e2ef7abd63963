import type { components } from '@/api/schema';
import { glue } from '@/texts/korean';
import type { notificationTexts } from './texts';

/** What happened to a marked programme, or to who serves the customer. */
export type Notification = components['schemas']['InterestNotificationView'];

type Texts = (typeof notificationTexts)['ko'];

/** How the deadline moved. Days compare as text. */
function moveOf({ deadline, previousDeadline }: Notification): keyof Texts['kinds'] {
  if (!previousDeadline) return 'dated';
  if (!deadline) return 'undated';
  return deadline < previousDeadline ? 'earlier' : 'later';
}

/** A notification in words: the name of the programme, and what happened to it. */
export function sentenceParts(it: Notification, t: Texts): { name: string; rest: string } {
  const kind = it.kind === 'edited' && it.deadlineMoved ? moveOf(it) : it.kind;
  return { name: glue(it.projectName ?? t.programme), rest: t.kinds[kind] };
}

/** The notification as one sentence. */
export function sentenceOfNotification(it: Notification, t: Texts): string {
  const { name, rest } = sentenceParts(it, t);
  return `${name}${rest}`;
}

/** The people of a rematch, as 「김하늘·윤슬기」. */
export function peopleOf(it: Notification): string | undefined {
  if (it.kind !== 'rematched' && it.kind !== 'rematching') return undefined;
  const names = [it.salesman, it.consultant].flatMap((person) => person?.displayName ?? []);
  return names.length > 0 ? glue(names.join('·')) : undefined;
}

/** The fields that changed besides the deadline, in words. */
export function changedFields(it: Notification, t: Texts): string | undefined {
  if (it.kind !== 'edited' || it.deadlineMoved) return undefined;
  const words = it.changed.flatMap((field) => t.fields[field] ?? []);
  return words.length > 0 ? t.changed(words.join(', ')) : undefined;
}

/** Where a notification leads. */
export function pathOf(it: Notification): string {
  return it.origin?.kind === 'consultation'
    ? '/customer/consultations'
    : `/customer/projects/${it.projectId}`;
}
