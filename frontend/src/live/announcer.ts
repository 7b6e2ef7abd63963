import { ref } from 'vue';

/** What a screen reader says next, politely. Shown nowhere. */
export const announcement = ref('');

/** Says a sentence to a screen reader, also when it is the same as before. */
export function announce(sentence: string): void {
  announcement.value = '';
  setTimeout(() => {
    announcement.value = sentence;
  }, 50);
}
