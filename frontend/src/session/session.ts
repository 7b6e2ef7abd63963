import { computed, ref } from 'vue';
import { api, csrf, unwrap, whenSignedOut } from '@/api/client';
import { queryClient } from '@/api/queries';
import type { Role, SignedIn } from '@/api/types';
import { startLive, stopLive } from '@/live/live';

/** Who is signed in, as the server said last. `undefined` until it was asked. */
const current = ref<SignedIn>();

/** The session ended while a page was open. The person signs in again over the page. */
export const isExpired = ref(false);

/** The person of the session, or `undefined`. */
export const session = computed(() => (current.value?.signedIn ? current.value : undefined));

/** The role of the person of the session. */
export const role = computed<Role | undefined>(() => session.value?.role ?? undefined);

/** Asks the server who is signed in, once. */
export async function loadSession(): Promise<SignedIn | undefined> {
  current.value ??= await unwrap(api.GET('/api/auth/me'));
  if (session.value?.id) startLiveOnce(session.value.id);
  return session.value;
}

let following: string | undefined;

function startLiveOnce(id: string): void {
  if (following === id) return;
  following = id;
  void startLive(id);
}

/**
 * Takes over the answer of a sign-in. Another person than before sees nothing of what the previous
 * one saw.
 */
export function signedInAs(answer: SignedIn): void {
  const isSamePerson = current.value?.id === answer.id;
  current.value = answer;
  isExpired.value = false;
  following = undefined;
  if (isSamePerson) void queryClient.invalidateQueries();
  else queryClient.clear();
  if (answer.id) startLiveOnce(answer.id);
}

/** Ends the session. The caller leaves the page. */
export async function signOut(everywhere = false): Promise<void> {
  const path = everywhere ? '/api/auth/sign-out-everywhere' : '/api/auth/sign-out';
  await unwrap(api.POST(path, { params: { header: csrf } }));
  leave();
}

/** Drops what is known of the person, after the session ended on purpose. */
export function leave(): void {
  stopLive();
  following = undefined;
  current.value = { signedIn: false };
  isExpired.value = false;
  queryClient.clear();
}

/** The server said that the session is over. What is on the page stays. */
export function expire(): void {
  if (session.value) isExpired.value = true;
}

whenSignedOut(expire);
