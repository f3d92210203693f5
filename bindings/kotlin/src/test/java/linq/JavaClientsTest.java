package linq;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class JavaClientsTest {
  private static final byte[] BYTES = "from Java, with 🎉".getBytes(StandardCharsets.UTF_8);
  private static final UploadOptions NOTE = UploadOptions.builder().filename("note.txt").build();

  @BeforeEach
  void calm() {
    Sandbox.INSTANCE.calm();
  }

  private static LinqClient client() throws LinqException {
    return LinqClient.builder()
        .apiKey(Sandbox.INSTANCE.getKey())
        .baseUrl(Sandbox.INSTANCE.getApi())
        .usesEnvironment(false)
        .build();
  }

  @Test
  void blockingCalls() throws Exception {
    try (LinqClient client = client()) {
      BlockingLinqClient linq = client.blocking();
      linq.connect();
      List<UploadProgress> progress = Collections.synchronizedList(new ArrayList<>());
      UploadOptions options = UploadOptions.builder().filename("note.txt").contentType("text/plain").onProgress(progress::add).build();
      LinqAttachment attachment = linq.upload(UploadSource.of(BYTES), options);
      assertArrayEquals(BYTES, Sandbox.INSTANCE.stored(attachment.getId()));
      assertEquals(BYTES.length, progress.get(progress.size() - 1).getSent());
      assertEquals("note.txt", linq.attachment(attachment.getId()).getFilename());

      Presigned place = Presigned.parse(linq.presign("note.txt", BYTES.length).getJson());
      UploadSource stream = UploadSource.of(BYTES.length, () -> new ByteArrayInputStream(BYTES));
      assertEquals(place.getAttachmentId(), linq.uploadPresigned(place, stream).getId());
      assertArrayEquals(BYTES, Sandbox.INSTANCE.stored(place.getAttachmentId()));

      LinqMessage message = new LinqMessage(Sandbox.INSTANCE.getPhone(), Collections.singletonList("+15557654321"), "Hello");
      String chat = linq.sendMessage(message).getChatId();
      assertTrue(linq.sendRequest(new LinqRequest("GET", "/v3/chats/" + chat)).getJson().contains(chat));
      linq.deleteAttachment(attachment.getId());
      LinqException gone = assertThrows(LinqException.NotFound.class, () -> linq.attachment(attachment.getId()));
      assertEquals(404, gone.getHttpStatus());
    }
  }

  @Test
  void anInterruptEndsABlockingCall() throws Exception {
    String answer = "{\"respond\":{\"status\":503,\"headers\":[[\"Retry-After\",\"20\"]]}}";
    try (LinqClient client = client()) {
      for (String fault : new String[] {
        "{\"side\":\"api\",\"fault\":{\"no_answer\":true}}",
        "{\"side\":\"storage\",\"fault\":{\"stall_after\":1}}",
        "{\"side\":\"storage\",\"fault\":{\"no_answer\":true}}",
        "{\"side\":\"api\",\"fault\":" + answer + "}",
      }) SandboxKt.endsAtOnce("blocking, " + fault, () -> interrupted(client, fault));
    }
  }

  /** How many milliseconds an upload takes to end. */
  private static double interrupted(LinqClient client, String fault) {
    Sandbox.INSTANCE.calm();
    kotlin.jvm.functions.Function0<Integer> injected = Sandbox.INSTANCE.fault(fault);
    Throwable[] thrown = new Throwable[1];
    Thread thread = new Thread(() -> {
      try {
        client.blocking().upload(UploadSource.of(BYTES), NOTE);
      } catch (Throwable failure) {
        thrown[0] = failure;
      }
    });
    thread.start();
    SandboxKt.until("the fault is injected", () -> injected.invoke() > 0);
    long began = System.nanoTime();
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException failure) {
      throw new IllegalStateException(failure);
    }
    double took = (System.nanoTime() - began) / 1e6;
    assertInstanceOf(InterruptedException.class, thrown[0]);
    return took;
  }

  @Test
  void futures() throws Exception {
    try (LinqClient client = client()) {
      FutureLinqClient linq = client.futures();
      LinqAttachment attachment = linq.upload(UploadSource.of(BYTES), NOTE).get();
      assertArrayEquals(BYTES, Sandbox.INSTANCE.stored(attachment.getId()));
      String name = linq.attachment(attachment.getId()).thenApply(LinqAttachmentInfo::getFilename).get();
      assertEquals("note.txt", name);
      Presigned place = linq.presign("note.txt", BYTES.length).get();
      assertEquals(place.getAttachmentId(), linq.uploadPresigned(place, UploadSource.of(BYTES)).get().getId());
      LinqMessage message = new LinqMessage(Sandbox.INSTANCE.getPhone(), Collections.singletonList("+15557654321"), "Hello");
      String chat = linq.sendMessage(message).get().getChatId();
      assertEquals(200, linq.sendRequest(new LinqRequest("GET", "/v3/chats/" + chat)).get().getHttpStatus());
      linq.connect().get();
      linq.deleteAttachment(attachment.getId()).get();
      ExecutionException failure = assertThrows(ExecutionException.class, () -> linq.attachment(attachment.getId()).get());
      assertInstanceOf(LinqException.NotFound.class, failure.getCause());
    }
  }

  @Test
  void whatFollowsAFutureMayWaitForAnotherCall() throws Exception {
    try (LinqClient client = client()) {
      List<CompletableFuture<String>> names = new ArrayList<>();
      for (int i = 0; i < 5 * CallThreads.LIMIT; i++) {
        String name = i + ".txt";
        names.add(client.futures().presign(name, 1)
            .thenApply(place -> client.futures().attachment(place.getAttachmentId()).join())
            .thenApply(info -> {
              try {
                return client.blocking().attachment(info.getId()).getFilename();
              } catch (Exception failure) {
                throw new IllegalStateException(failure);
              }
            }));
      }
      for (int i = 0; i < names.size(); i++) assertEquals(i + ".txt", names.get(i).get(60, TimeUnit.SECONDS));
    }
  }

  @Test
  void cancellingAFutureEndsTheCall() throws Exception {
    kotlin.jvm.functions.Function0<Integer> injected = Sandbox.INSTANCE.fault("{\"side\":\"storage\",\"fault\":{\"no_answer\":true}}");
    try (LinqClient client = client()) {
      CompletableFuture<LinqAttachment> future = client.futures().upload(UploadSource.of(BYTES), NOTE);
      SandboxKt.until("the bytes are there", () -> injected.invoke() > 0);
      assertTrue(future.cancel(true));
      assertTrue(future.isCancelled());
      SandboxKt.until("the connection is closed", () ->
          Sandbox.INSTANCE.requests().stream().anyMatch(request -> request.get("ended").toString().contains("held")));
    }
  }

  @Test
  void anExpiredPlaceIsRenewed() throws Exception {
    Sandbox.INSTANCE.fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"expired\":true}}");
    try (LinqClient client = client()) {
      BlockingLinqClient linq = client.blocking();
      Presigned place = linq.presign("note.txt", BYTES.length);
      Presigned next = linq.presign("note.txt", BYTES.length);
      assertEquals(next.getAttachmentId(), linq.uploadPresigned(place, UploadSource.of(BYTES), NOTE, expired -> next).getId());
      assertArrayEquals(BYTES, Sandbox.INSTANCE.stored(next.getAttachmentId()));
    }
  }

  @Test
  void timeouts() throws Exception {
    Sandbox.INSTANCE.fault("{\"side\":\"api\",\"fault\":{\"no_answer\":true}}");
    UploadOptions options = UploadOptions.builder().filename("note.txt").timeoutMillis(200).build();
    try (LinqClient client = client()) {
      LinqException failure = assertThrows(LinqException.Timeout.class, () -> client.blocking().upload(UploadSource.of(BYTES), options));
      // Of the limit, what is left once the call has a thread.
      assertTrue(failure.getMessage().startsWith("reserving a place for note.txt: the call's timeout of "), failure.getMessage());
    }
  }

  @Test
  void checkedExceptionsAreDeclared() throws Exception {
    File missing = new File("/no/such/file.txt");
    UploadSource source = UploadSource.of(10, () -> new FileInputStream(missing));
    PlaceRenewer renewer = expired -> {
      throw new FileNotFoundException("no place");
    };
    Sandbox.INSTANCE.fault("{\"side\":\"api\",\"times\":1,\"fault\":{\"expired\":true}}");
    try (LinqClient client = client()) {
      assertThrows(FileNotFoundException.class, () -> client.blocking().upload(source, NOTE));
      Presigned place = client.blocking().presign("note.txt", BYTES.length);
      IOException thrown = assertThrows(
          IOException.class, () -> client.blocking().uploadPresigned(place, UploadSource.of(BYTES), NOTE, renewer));
      assertEquals("no place", thrown.getMessage());
    }
    List<Class<?>> both = Arrays.asList(IOException.class, InterruptedException.class);
    for (Method method : BlockingLinqClient.class.getMethods()) {
      if (method.getName().startsWith("upload")) assertEquals(both, Arrays.asList(method.getExceptionTypes()), method.toString());
    }
    assertEquals(both, Arrays.asList(PlaceRenewer.class.getMethod("renew", Presigned.class).getExceptionTypes()));
    for (Method method : UploadSource.class.getMethods()) {
      List<Class<?>> expected = Collections.emptyList();
      if (method.getParameterCount() > 0 && method.getParameterTypes()[0] == FileChannel.class) expected = both.subList(0, 1);
      if (method.getName().equals("of")) assertEquals(expected, Arrays.asList(method.getExceptionTypes()), method.toString());
    }
  }

  /** What a source is made of is looked at when it is uploaded. */
  @Test
  void makingASourceThrowsNothingThatIsChecked() throws Exception {
    UploadSource nul = UploadSource.of(new File("a\0.txt"));
    UploadSource negative = UploadSource.of(-1, () -> new ByteArrayInputStream(BYTES));
    try (LinqClient client = client()) {
      LinqException failure = assertThrows(LinqException.InvalidArgument.class, () -> client.blocking().upload(nul));
      assertEquals("path contains a NUL character", failure.getMessage());
      failure = assertThrows(LinqException.InvalidArgument.class, () -> client.blocking().upload(negative, NOTE));
      assertEquals("length is -1; it cannot be negative", failure.getMessage());
      failure = assertThrows(LinqException.InvalidArgument.class, () -> client.blocking().presign("note.txt", -1));
      assertEquals("size is -1; it cannot be negative", failure.getMessage());
    }
    assertThrows(IndexOutOfBoundsException.class, () -> UploadSource.of(BYTES, 1, BYTES.length));
    assertThrows(IndexOutOfBoundsException.class, () -> UploadSource.of(BYTES, -1));
  }

  @Test
  void types() {
    assertEquals("image/jpeg", LinqClient.contentType("photo.jpg"));
    assertNull(LinqClient.contentType("a.exe"));
    assertEquals("image/jpeg", LinqClient.contentType("a\ud83c.jpg"));
    assertNull(LinqClient.contentType("a.jpg\0.exe"));
  }
}
