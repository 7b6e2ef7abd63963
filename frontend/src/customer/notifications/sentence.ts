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
  const name = glue(it.projectName ?? t.programme);
  if (it.kind === 'progressed' && it.step) return { name, rest: t.steps[it.step] };
  const kind = it.kind === 'edited' && it.deadlineMoved ? moveOf(it) : it.kind;
  return { name, rest: t.kinds[kind] };
}

/** The notification as one sentence. */
export function sentenceOfNotification(it: Notification, t: Texts): string {
  const { name, rest } = sentenceParts(it, t);
  return `${name}${rest}`;
}

/** The people of a match or a step, as 「김하늘·윤슬기」. */
export function peopleOf(it: Notification): string | undefined {
  if (!['rematched', 'rematching', 'progressed'].includes(it.kind)) return undefined;
  const names = [
    'salesman' in it ? it.salesman : null,
    'consultant' in it ? it.consultant : null,
  ].flatMap((person) => person?.displayName ?? []);
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
