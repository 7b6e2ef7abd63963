import { ref, type Ref } from 'vue';
import { useTexts } from '@/texts/texts';
import { useToasts } from '@/ui/toasts';
import { cardTexts } from './texts';

/**
 * Sends a text by what the device offers, or copies it. `textToCopy` is set where neither works, so
 * that the person can copy it.
 */
export function useSend(): {
  textToCopy: Ref<string>;
  send: (title: string, text: string) => Promise<void>;
} {
  const t = useTexts(cardTexts);
  const toasts = useToasts();
  const textToCopy = ref('');

  const send = async (title: string, text: string): Promise<void> => {
    if ('share' in navigator) {
      try {
        await navigator.share({ title, text });
        return;
      } catch (error) {
        // The person closed the sheet of the device.
        if (error instanceof DOMException && error.name === 'AbortError') return;
      }
    }
    try {
      await navigator.clipboard.writeText(text);
      toasts.show(t.value.copied);
    } catch {
      textToCopy.value = text;
    }
  };

  return { textToCopy, send };
}
